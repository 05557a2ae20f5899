import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { loadConfig, type FinetuneConfig } from '../config';
import { caseName } from '../data/datalist';
import { UsageError, UserError } from '../errors/userError';
import { readSafetensorsHeader } from '../runs';
import { useDevice } from '../tensor/backends';
import { openSegmenter, segmentImage, writeSegmentation } from '../segment/segmenter';
import { ProgressBar } from '../text/progressBar';
import type { Say } from '../train/types';

export interface SegmentRequest {
  /** One a case; the files of several channels are joined by commas. */
  readonly images: readonly string[];
  readonly checkpoint: string;
  /** A .nii or .nii.gz file for one image, else a folder. */
  readonly out: string;
  /** The fine-tuning config, for weights that do not carry it. */
  readonly configFile?: string | undefined;
  readonly device?: string | undefined;
  /** Average over the mirror images of each window, even if the config does not. */
  readonly flips?: boolean | undefined;
}

const NIFTI = /\.nii(\.gz)?$/i;

/** The config that a checkpoint carries. @throws UserError when it has none of a segmentation */
async function configOf(request: SegmentRequest): Promise<FinetuneConfig> {
  if (request.configFile) return (await loadConfig(request.configFile, { kind: 'finetune' })).config;
  const { metadata } = await readSafetensorsHeader(request.checkpoint);
  if (metadata.kind === 'pretrain') {
    throw new UserError(
      `${request.checkpoint}: is a pre-training checkpoint and cannot segment; fine-tune it with voco finetune`,
    );
  }
  if (metadata.kind !== 'finetune' || metadata.config === undefined) {
    throw new UserError(`${request.checkpoint}: does not describe its network and classes; add --config CONFIG`);
  }
  return JSON.parse(metadata.config) as FinetuneConfig;
}

async function targets({ images, out }: SegmentRequest): Promise<string[]> {
  const folder = await stat(out).then(
    (status) => status.isDirectory(),
    () => !NIFTI.test(out),
  );
  if (!folder && images.length > 1)
    throw new UsageError(`${out}: is one file, but there are ${images.length} images; name a folder`);
  if (!folder) return [resolve(out)];
  const files = images.map((image) => join(resolve(out), `${caseName(image.split(',')[0]!)}.nii.gz`));
  const twice = files.find((file, i) => files.indexOf(file) < i);
  if (twice) throw new UsageError(`${twice}: two images would be written to this file; segment them one by one`);
  const own = files.find((file) => images.some((image) => image.split(',').some((part) => resolve(part) === file)));
  if (own) throw new UsageError(`${own}: the segmentation would replace its own image; choose another --out`);
  return files;
}

/**
 * Segments images with a checkpoint and writes the label maps on the images' own voxel grids.
 *
 * @returns the files written
 * @throws UsageError for a wrong request, UserError naming the file at fault
 */
export async function segment(request: SegmentRequest, say: Say): Promise<string[]> {
  const found = await configOf(request);
  const config = request.flips ? { ...found, inference: { ...found.inference, flips: true } } : found;
  const files = await targets(request);
  const spec = request.device ?? (request.configFile ? config.device : 'auto');
  const device = await useDevice(spec, { threads: config.threads });
  say(`device: ${device.name}, ${device.description}`);
  const segmenter = await openSegmenter(config, request.checkpoint);
  for (const [i, image] of request.images.entries()) {
    const parts = image.split(',').map((part) => resolve(part));
    const bar = new ProgressBar(caseName(parts[0]!), 100);
    const labels = await segmentImage(
      segmenter,
      { image: parts },
      {
        onWarning: say,
        onProgress: (done, total) => bar.update(Math.floor((100 * done) / total)),
      },
    );
    bar.end();
    await writeSegmentation(files[i]!, labels, segmenter.codes);
  }
  return files;
}

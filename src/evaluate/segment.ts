import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { configOfFinetuned } from '../convert/finetuned';
import { channelsText } from '../data/channels';
import { caseName } from '../data/datalist';
import { inTurn, type Failure } from '../errors/inTurn';
import { UsageError, UserError } from '../errors/userError';
import { fewAtATime } from '../files/fewAtATime';
import { checkOutputs, existing } from '../files/outputs';
import { useDevice } from '../tensor/backends';
import { openSegmenter, segmentImage, writeSegmentation } from '../segment/segmenter';
import { ProgressBar } from '../text/progressBar';
import { filesRead, type Volume } from '../volume';
import type { Say } from '../train/types';

export interface SegmentRequest {
  /** One a case; the files of several channels are joined by commas, with nothing between two for one that is missing. */
  readonly images: readonly string[];
  readonly checkpoint: string;
  /** A .nii or .nii.gz file for one image, else a folder. */
  readonly out: string;
  /** The fine-tuning config, for weights that do not carry it. */
  readonly configFile?: string | undefined;
  /** `path=value` overrides of the config. */
  readonly set?: readonly string[] | undefined;
  readonly device?: string | undefined;
  /** Average over the mirror images of each window, even if the config does not. */
  readonly flips?: boolean | undefined;
  /** What becomes of label maps that are there: by default the request is refused. */
  readonly present?: 'replace' | 'keep' | undefined;
}

export interface SegmentResult {
  /** The files written. */
  readonly files: readonly string[];
  /** Images that could not be segmented. */
  readonly failures: readonly Failure[];
  readonly total: number;
}

/** An image of the request, its files by channel, and where its label map goes. */
interface Task {
  readonly image: string;
  readonly parts: readonly string[];
  /** Numbers of channels that have no file. */
  readonly missing: readonly number[];
  readonly file: string;
}

const NIFTI = /\.nii(\.gz)?$/i;

/** The first file of an image of the request. */
const firstOf = (image: string): string => image.split(',').find((part) => part !== '') ?? image;

async function targets({ images, out }: SegmentRequest): Promise<string[]> {
  const folder = await stat(out).then(
    (status) => status.isDirectory(),
    () => !NIFTI.test(out),
  );
  if (!folder && images.length > 1)
    throw new UsageError(`${out}: is one file, but there are ${images.length} images; name a folder`);
  if (!folder) return [resolve(out)];
  return images.map((image) => join(resolve(out), `${caseName(firstOf(image))}.nii.gz`));
}

/** What is to be segmented, nothing of which would replace what is read or, unasked, what is there. */
async function tasksOf(request: SegmentRequest, say: Say): Promise<Task[]> {
  const { images, checkpoint, configFile, present } = request;
  const unnamed = images.find((image) => /^,*$/.test(image));
  if (unnamed !== undefined) throw new UsageError(`"${unnamed}" names no file of an image`);
  const files = await targets(request);
  const all = images.map((image, i) => {
    const named = image.split(',');
    const parts = named.filter((part) => part !== '').map((part) => resolve(part));
    const missing = named.flatMap((part, channel) => (part === '' ? [channel] : []));
    return { image, parts, missing, file: files[i]! };
  });
  const parts = all.flatMap((task) => task.parts);
  const read = await fewAtATime(parts, (part) => filesRead(part));
  const inputs = [...read.flat(), checkpoint, ...(configFile ? [configFile] : [])];
  await checkOutputs({ outputs: files, inputs, force: present !== undefined });
  if (present !== 'keep') return all;
  const there = new Set(await existing(files));
  if (there.size > 0) say(`${there.size} of ${files.length} label maps are there already and stay as they are`);
  return all.filter(({ file }) => !there.has(file));
}

/**
 * Segments images with a checkpoint and writes the label maps on the images' own voxel grids.
 *
 * An image that cannot be segmented does not end the others.
 *
 * @throws UsageError for a wrong request, UserError naming the file at fault: the only image, the checkpoint, what cannot be written
 */
export async function segment(request: SegmentRequest, say: Say): Promise<SegmentResult> {
  const { checkpoint: file, configFile, set } = request;
  const pretrained = ' and cannot segment; fine-tune it with voco finetune';
  const found = await configOfFinetuned({ file, configFile, set, pretrained });
  const config = request.flips ? { ...found, inference: { ...found.inference, flips: true } } : found;
  const tasks = await tasksOf(request, say);
  const total = tasks.length;
  if (total === 0) return { files: [], failures: [], total };
  const spec = request.device ?? (request.configFile ? config.device : 'auto');
  const device = await useDevice(spec, { threads: config.threads });
  say(`device: ${device.name}, ${device.description}`);
  const segmenter = await openSegmenter(config, request.checkpoint);
  const files: string[] = [];
  const labelsOf = async ({ image, parts, missing }: Task): Promise<Volume<Uint8Array>> => {
    if (missing.length > 0 && config.data.missingChannels !== 'zero')
      throw new UserError(
        `${image}: no file is named for ${channelsText(missing)}; --set data.missingChannels=zero fills with zeros`,
      );
    const bar = new ProgressBar(caseName(parts[0]!), 100);
    const onProgress = (done: number, of: number): void => bar.update(Math.floor((100 * done) / of));
    return segmentImage(segmenter, { image: parts, missing }, { onWarning: say, onProgress }).finally(() => bar.end());
  };
  const write = async (labels: Volume<Uint8Array>, { file }: Task): Promise<void> => {
    await writeSegmentation(file, labels, segmenter.codes);
    files.push(file);
  };
  const failures = await inTurn(tasks, ({ image }) => image, labelsOf, write, say);
  return { files, failures, total };
}

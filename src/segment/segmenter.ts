import type { FinetuneConfig } from '../config';
import { withMissing } from '../data/channels';
import { imageFiles, type Case } from '../data/datalist';
import { namesOfValues, valuesOfCodes, type LabelCodes } from '../data/labelled';
import { judgeIntensities, SEGMENTING } from '../data/judge';
import { readImage } from '../data/volumeStore';
import { UserError } from '../errors/userError';
import type { Segmenter } from '../nets';
import { counted } from '../text';
import { applyNotices, labelOnGrid, preprocess, writeNifti, type Volume } from '../volume';
import { buildNetwork, taskCodes } from '../downstream/segmentation/task';
import { readWeights } from '../convert/read';
import { predictCodes, type InferenceOptions } from '../downstream/segmentation/predict';

/** A trained network with what it needs to know of images and classes. */
export interface TrainedSegmenter {
  readonly config: FinetuneConfig;
  readonly network: Segmenter;
  readonly codes: LabelCodes;
}

/**
 * The network of a fine-tuning config with the weights of a checkpoint.
 *
 * @throws UserError naming the checkpoint when its weights are not exactly those of the network
 */
export async function openSegmenter(config: FinetuneConfig, checkpoint: string): Promise<TrainedSegmenter> {
  const { entries } = await readWeights(checkpoint);
  const network = buildNetwork(config);
  try {
    network.checkSize(config.crops.size);
    network.parameters.loadStateDict(entries, { strict: true, source: checkpoint });
  } catch (error) {
    network.dispose();
    throw error;
  }
  return { config, network, codes: taskCodes(config) };
}

/**
 * Segments an image and brings the result back to the image's own voxel grid.
 *
 * @returns label codes on the grid of the image file, affine included
 * @throws UserError naming the image that cannot be read, does not have the network's channels, or holds intensities in other units
 *   than the network's window
 */
export async function segmentImage(
  { config, network, codes }: TrainedSegmenter,
  item: Pick<Case, 'image' | 'missing'>,
  options: InferenceOptions & { onWarning?: (text: string) => void } = {},
): Promise<Volume<Uint8Array>> {
  const files = imageFiles(item);
  const image = await readImage(files, config.data.channel, options.onWarning ?? (() => undefined));
  const { missing = [] } = item;
  const channels = image.shape[0] + missing.length;
  if (channels !== network.inChannels) {
    throw new UserError(
      `${files[0]}: has ${counted(channels, 'channel')}, the network takes ${network.inChannels}; see data.channel of the config`,
    );
  }
  // The network answers whatever it is shown: nobody else would say that the image is in other units.
  const notices = judgeIntensities(image, config.data.preprocess.intensity, SEGMENTING);
  applyNotices(files[0]!, notices, (text) => options.onWarning?.(text));
  const { volume } = preprocess(image, config.data.preprocess, { name: files[0] });
  const data = volume.data instanceof Float32Array ? volume.data : Float32Array.from(volume.data);
  const input = withMissing({ ...volume, data }, missing);
  const predicted = await predictCodes(network, input, codes, config, options);
  const [, x, y, z] = volume.shape;
  const label = { data: predicted, shape: [1, x, y, z] as const, affine: volume.affine };
  const [, nx, ny, nz] = image.shape;
  return labelOnGrid(label, [nx, ny, nz], image.affine);
}

/** Writes label codes as a NIfTI file of the task's label values, which it names. */
export async function writeSegmentation(file: string, labels: Volume<Uint8Array>, codes: LabelCodes): Promise<void> {
  const values = valuesOfCodes(codes);
  const wide = values.some((value) => value > 255);
  const data = wide ? new Uint16Array(labels.data.length) : new Uint8Array(labels.data.length);
  for (let i = 0; i < data.length; i++) data[i] = values[labels.data[i]!]!;
  await writeNifti(file, { ...labels, data }, { description: 'VoCo segmentation', labels: namesOfValues(codes) });
}

import type { FinetuneConfig } from '../../config';
import { drawAugmentation, NO_AUGMENTATION, sampleCrop, type Augmentation } from '../../data/augment';
import type { CropTraits } from '../../data/channels';
import type { ClassifiedCase } from '../../data/classified';
import { imageFiles } from '../../data/datalist';
import { VolumeStore, type StoreSettings } from '../../data/volumeStore';
import { RandomStream } from '../../random/random';
import type { Volume } from '../../volume';
import type { Draw, Sampler } from '../../tasks';
import { changeValues } from '../values';

/** Stream of one volume: how it is turned and shifted; `changeValues` has others. */
const AUGMENT = 1;

/** Whole volumes with their classes, each resized to the size of a crop. */
export interface ClassifiedBatch {
  /** Image file of each volume. */
  readonly cases: readonly string[];
  readonly shape: readonly [number, number, number];
  readonly channels: number;
  /** `[cases, …shape, channels]` */
  readonly images: Float32Array;
  readonly classes: readonly number[];
}

export type ClassifiedConfig = Pick<FinetuneConfig, 'crops' | 'augment'> & CropTraits;

function fillVolume(
  volume: Volume<Float32Array>,
  size: readonly [number, number, number],
  augmentation: Augmentation,
  out: Float32Array,
  offset: number,
): void {
  const [, x, y, z] = volume.shape;
  sampleCrop(volume, [0, 0, 0], [x, y, z], size, augmentation, out, offset);
}

function emptyBatch(cases: readonly ClassifiedCase[], volume: Volume, size: readonly [number, number, number]) {
  const channels = volume.shape[0];
  return {
    cases: cases.map((item) => imageFiles(item)[0]!),
    shape: size,
    channels,
    images: new Float32Array(cases.length * size[0] * size[1] * size[2] * channels),
    classes: cases.map((item) => item.class),
  };
}

/** One volume without augmentation, for validation. */
export async function validationInput(
  item: ClassifiedCase,
  store: VolumeStore,
  config: ClassifiedConfig,
): Promise<ClassifiedBatch> {
  const volume = await store.load(item);
  const batch = emptyBatch([item], volume, config.crops.size);
  fillVolume(volume, config.crops.size, NO_AUGMENTATION, batch.images, 0);
  return batch;
}

/** Makes a batch: every volume as a whole, turned, flipped, scaled and shifted. @throws UserError naming the file at fault */
async function makeBatch(
  draws: readonly Draw<ClassifiedCase>[],
  store: VolumeStore,
  config: ClassifiedConfig,
): Promise<ClassifiedBatch> {
  const { flip, rotate90, shiftIntensity: shift } = config.augment;
  const settings = { flip, rotate90, shiftIntensity: { prob: shift.prob, offset: shift.amount } };
  const { size } = config.crops;
  let batch: ReturnType<typeof emptyBatch> | undefined;
  for (const [v, { stream }] of draws.entries()) {
    const volume = await store.load(draws[v]!);
    batch ??= emptyBatch(draws, volume, size);
    const turn = drawAugmentation(new RandomStream(...stream, 0, AUGMENT), settings, size[0] === size[1]);
    const length = batch.images.length / draws.length;
    fillVolume(volume, size, { ...turn, shift: 0 }, batch.images, v * length);
    const voxels = batch.images.subarray(v * length, (v + 1) * length);
    const crop = { voxels, size, channels: batch.channels, keepZero: config.keepZero ?? false };
    changeValues(crop, config.augment, turn.shift, [...stream, 0]);
  }
  return batch!;
}

/** Everything that determines a batch besides the cases and the seed. */
export interface ClassificationSettings extends ClassifiedConfig {
  readonly store: StoreSettings;
}

/** Whole volumes with their classes. */
export const classificationSampler: Sampler<ClassificationSettings, ClassifiedCase, ClassifiedBatch> = {
  open({ store: settings, ...config }, onWarning) {
    const store = new VolumeStore(settings, onWarning);
    return { make: (draws) => makeBatch(draws, store, config) };
  },
  transferables: ({ images }) => [images.buffer as ArrayBuffer],
  // Batches are not filled again: the collector frees them.
  memory: () => [],
};

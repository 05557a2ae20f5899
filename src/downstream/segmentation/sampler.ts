import { drawAugmentation, sampleCrop } from '../../data/augment';
import type { CropTraits } from '../../data/channels';
import { imageFiles, type Case } from '../../data/datalist';
import {
  cropCodes,
  drawPlace,
  LabelledStore,
  type LabelledStoreSettings,
  type LabelledVolume,
} from '../../data/labelled';
import { RandomStream } from '../../random/random';
import { cropWindow } from '../../volume';
import type { FinetuneConfig } from '../../config';
import type { Draw, Sampler } from '../../tasks';
import { changeValues } from '../values';

type Triple = readonly [number, number, number];

/** Streams of one crop: where it lies, and how it is turned and shifted; `changeValues` has others. */
const PLACE = 0;
const AUGMENT = 1;

/** The labelled crops of one step. */
export interface LabelledBatch {
  /** Image file of each volume. */
  readonly cases: readonly string[];
  readonly crops: number;
  readonly cropShape: Triple;
  readonly channels: number;
  /** `[crops, …cropShape, channels]` */
  readonly images: Float32Array;
  /** `[crops, …cropShape]` */
  readonly codes: Uint8Array;
  /** `[crops, classes]`: 1 for the classes that the label map of a crop's case tells of. */
  readonly labelled: Uint8Array;
  /** Centres of the crops in voxels of the preprocessed volume, `[crops, 3]`. */
  readonly centres: Float64Array;
}

export type CropConfig = Pick<FinetuneConfig, 'crops' | 'augment'> & CropTraits;

/** Cuts crop number `r` of a volume into its place in the batch. */
function cutCrop(
  batch: LabelledBatch,
  slot: number,
  { image, codes, labelled, places }: LabelledVolume,
  config: CropConfig,
  stream: readonly number[],
  name: string,
): void {
  const { size, positive, negative } = config.crops;
  const { flip, rotate90, shiftIntensity: shift } = config.augment;
  const place = new RandomStream(...stream, PLACE);
  const draw = { kind: place.uniform(), pick: place.uniform() };
  const centre = drawPlace(image, codes, places(), draw, { positive, negative }, size, name);
  const { start } = cropWindow(centre, size);
  const settings = { flip, rotate90, shiftIntensity: { prob: shift.prob, offset: shift.amount } };
  const turn = drawAugmentation(new RandomStream(...stream, AUGMENT), settings, size[0] === size[1]);
  const voxels = size[0] * size[1] * size[2];
  const length = voxels * batch.channels;
  sampleCrop(image, start, size, size, { ...turn, shift: 0 }, batch.images, slot * length);
  const own = batch.images.subarray(slot * length, (slot + 1) * length);
  const crop = { voxels: own, size, channels: batch.channels, keepZero: config.keepZero ?? false };
  changeValues(crop, config.augment, turn.shift, stream);
  const [, x, y, z] = image.shape;
  cropCodes(codes, [x, y, z], start, size, turn, batch.codes, slot * voxels);
  batch.labelled.set(labelled, slot * labelled.length);
  batch.centres.set(centre, 3 * slot);
}

/** Makes a batch: cuts the labelled crops of each volume. @throws UserError naming the file at fault */
async function makeBatch(
  draws: readonly Draw<Case>[],
  store: LabelledStore,
  config: CropConfig,
): Promise<LabelledBatch> {
  const { size, perVolume } = config.crops;
  let batch: LabelledBatch | undefined;
  for (const [v, draw] of draws.entries()) {
    const volume = await store.load(draw);
    const channels = volume.image.shape[0];
    const crops = draws.length * perVolume;
    const voxels = crops * size[0] * size[1] * size[2];
    batch ??= {
      cases: draws.map((item) => imageFiles(item)[0]!),
      crops,
      cropShape: size,
      channels,
      images: new Float32Array(voxels * channels),
      codes: new Uint8Array(voxels),
      labelled: new Uint8Array(crops * volume.labelled.length),
      centres: new Float64Array(crops * 3),
    };
    const name = batch.cases[v]!;
    for (let r = 0; r < perVolume; r++) cutCrop(batch, v * perVolume + r, volume, config, [...draw.stream, r], name);
  }
  return batch!;
}

/** Everything that determines a batch besides the cases and the seed. */
export interface SegmentationSettings extends CropConfig {
  readonly store: LabelledStoreSettings;
}

/** Labelled crops, balanced between organs and background. */
export const segmentationSampler: Sampler<SegmentationSettings, Case, LabelledBatch> = {
  open({ store: settings, ...config }, onWarning) {
    const store = new LabelledStore(settings, onWarning);
    return { make: (draws) => makeBatch(draws, store, config) };
  },
  transferables: ({ images, codes, labelled, centres }) =>
    [images, codes, labelled, centres].map(({ buffer }) => buffer as ArrayBuffer),
  // Batches are not filled again: the collector frees them.
  memory: () => [],
};

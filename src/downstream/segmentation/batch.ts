import { voxelCount, type Vec3 } from '../../geometry';
import { drawAugmentation, sampleCrop } from '../../data/augment';
import { imageFiles, type Case } from '../../data/datalist';
import { cropCodes, drawPlace, type LabelledStore, type LabelledVolume } from '../../data/labelled';
import { RandomStream } from '../../random/random';
import { cropWindow } from '../../volume';
import type { FinetuneConfig } from '../../config';
import { SamplePlan } from '../../loader';

/** Streams of one crop: where it lies, how it is turned and shifted, and how it is scaled. */
const PLACE = 0;
const AUGMENT = 1;
const SCALE = 2;

/** The labelled crops of one step. */
export interface LabelledBatch {
  readonly epoch: number;
  /** Image file of each volume. */
  readonly cases: readonly string[];
  readonly crops: number;
  readonly cropShape: Vec3;
  readonly channels: number;
  /** `[crops, …cropShape, channels]` */
  readonly images: Float32Array;
  /** `[crops, …cropShape]` */
  readonly codes: Uint8Array;
  /** Centres of the crops in voxels of the preprocessed volume, `[crops, 3]`. */
  readonly centres: Float64Array;
}

export type CropConfig = Pick<FinetuneConfig, 'crops' | 'augment'>;

function scaleIntensity(values: Float32Array, factor: number, shift: number): void {
  if (factor === 0 && shift === 0) return;
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * (1 + factor) + shift;
}

/** Cuts crop number `r` of a volume into its place in the batch. */
function cutCrop(
  batch: LabelledBatch,
  slot: number,
  { image, codes, places }: LabelledVolume,
  config: CropConfig,
  stream: readonly number[],
  name: string,
): void {
  const { size, positive, negative } = config.crops;
  const { flip, rotate90, scaleIntensity: scale, shiftIntensity: shift } = config.augment;
  const place = new RandomStream(...stream, PLACE);
  const draw = { kind: place.uniform(), pick: place.uniform() };
  const centre = drawPlace(image, codes, places(), draw, { positive, negative }, size, name);
  const { start } = cropWindow(centre, size);
  const settings = { flip, rotate90, shiftIntensity: { prob: shift.prob, offset: shift.amount } };
  const turn = drawAugmentation(new RandomStream(...stream, AUGMENT), settings, size[0] === size[1]);
  const random = new RandomStream(...stream, SCALE);
  const factor = random.uniform() < scale.prob ? random.range(-1, 1) * scale.amount : 0;
  const voxels = voxelCount(size);
  const length = voxels * batch.channels;
  // The released code scales before it shifts.
  sampleCrop(image, start, size, size, { ...turn, shift: 0 }, batch.images, slot * length);
  scaleIntensity(batch.images.subarray(slot * length, (slot + 1) * length), factor, turn.shift);
  const [, x, y, z] = image.shape;
  cropCodes(codes, [x, y, z], start, size, turn, batch.codes, slot * voxels);
  batch.centres.set(centre, 3 * slot);
}

/**
 * Delivers the batches of a run in order, the next one prepared while a step computes. Each is a function of the seed and its
 * step, wherever the loader was started.
 */
export class LabelledLoader {
  private readonly plan: SamplePlan;
  private pending: Promise<LabelledBatch> | undefined;
  private step: number;

  constructor(
    private readonly options: {
      readonly cases: readonly Case[];
      readonly store: LabelledStore;
      readonly config: CropConfig;
      readonly seed: number;
      /** Volumes a step. */
      readonly batch: number;
      readonly startStep: number;
    },
  ) {
    this.plan = new SamplePlan(options.cases, options.seed, options.batch);
    this.step = options.startStep;
  }

  /** @throws UserError naming the file at fault */
  async next(): Promise<LabelledBatch> {
    const batch = await (this.pending ?? this.make(this.step));
    this.step += 1;
    this.pending = this.make(this.step);
    // The error surfaces when this batch's turn comes.
    this.pending.catch(() => undefined);
    return batch;
  }

  private async make(step: number): Promise<LabelledBatch> {
    const { cases, store, config } = this.options;
    const { size, perVolume } = config.crops;
    const visits = this.plan.visits(step);
    let batch: LabelledBatch | undefined;
    for (const [v, { index, stream }] of visits.entries()) {
      const volume = await store.load(cases[index]!);
      const channels = volume.image.shape[0];
      const crops = visits.length * perVolume;
      const voxels = crops * voxelCount(size);
      batch ??= {
        epoch: this.plan.epoch(step),
        cases: visits.map((visit) => imageFiles(cases[visit.index]!)[0]!),
        crops,
        cropShape: size,
        channels,
        images: new Float32Array(voxels * channels),
        codes: new Uint8Array(voxels),
        centres: new Float64Array(crops * 3),
      };
      const name = batch.cases[v]!;
      for (let r = 0; r < perVolume; r++) cutCrop(batch, v * perVolume + r, volume, config, [...stream, r], name);
    }
    return batch!;
  }
}

import { voxelCount, type Vec3 } from '../../geometry';
import type { FinetuneConfig } from '../../config';
import { drawAugmentation, NO_AUGMENTATION, sampleCrop, type Augmentation } from '../../data/augment';
import type { ClassifiedCase } from '../../data/classified';
import { imageFiles } from '../../data/datalist';
import type { VolumeStore } from '../../data/volumeStore';
import { RandomStream } from '../../random/random';
import type { Volume } from '../../volume';
import { SamplePlan } from '../../loader';

/** Streams of one volume: how it is turned and shifted, and how it is scaled. */
const AUGMENT = 1;
const SCALE = 2;

/** Whole volumes with their classes, each resized to the size of a crop. */
export interface ClassifiedBatch {
  readonly epoch: number;
  /** Image file of each volume. */
  readonly cases: readonly string[];
  readonly shape: Vec3;
  readonly channels: number;
  /** `[cases, …shape, channels]` */
  readonly images: Float32Array;
  readonly classes: readonly number[];
}

type Settings = Pick<FinetuneConfig, 'crops' | 'augment'>;

function fillVolume(
  volume: Volume<Float32Array>,
  size: Vec3,
  augmentation: Augmentation,
  out: Float32Array,
  offset: number,
): void {
  const [, x, y, z] = volume.shape;
  sampleCrop(volume, [0, 0, 0], [x, y, z], size, augmentation, out, offset);
}

function emptyBatch(cases: readonly ClassifiedCase[], volume: Volume, size: Vec3) {
  const channels = volume.shape[0];
  return {
    cases: cases.map((item) => imageFiles(item)[0]!),
    shape: size,
    channels,
    images: new Float32Array(cases.length * voxelCount(size) * channels),
    classes: cases.map((item) => item.class),
  };
}

/** One volume without augmentation, for validation. */
export async function validationInput(
  item: ClassifiedCase,
  store: VolumeStore,
  config: Settings,
): Promise<ClassifiedBatch> {
  const volume = await store.load(item);
  const batch = { ...emptyBatch([item], volume, config.crops.size), epoch: 0 };
  fillVolume(volume, config.crops.size, NO_AUGMENTATION, batch.images, 0);
  return batch;
}

/** Delivers the batches of a run in order; each is a function of the seed and its step. */
export class ClassifiedLoader {
  private readonly plan: SamplePlan;
  private step: number;

  constructor(
    private readonly options: {
      readonly cases: readonly ClassifiedCase[];
      readonly store: VolumeStore;
      readonly config: Settings;
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
  async next(): Promise<ClassifiedBatch> {
    const { cases, store, config } = this.options;
    const step = this.step++;
    const visits = this.plan.visits(step);
    const chosen = visits.map(({ index }) => cases[index]!);
    const { flip, rotate90, scaleIntensity: scale, shiftIntensity: shift } = config.augment;
    const settings = { flip, rotate90, shiftIntensity: { prob: shift.prob, offset: shift.amount } };
    const { size } = config.crops;
    let batch: ReturnType<typeof emptyBatch> | undefined;
    for (const [v, { stream }] of visits.entries()) {
      const volume = await store.load(chosen[v]!);
      batch ??= emptyBatch(chosen, volume, size);
      const turn = drawAugmentation(new RandomStream(...stream, 0, AUGMENT), settings, size[0] === size[1]);
      const random = new RandomStream(...stream, 0, SCALE);
      const factor = random.uniform() < scale.prob ? random.range(-1, 1) * scale.amount : 0;
      const length = batch.images.length / chosen.length;
      fillVolume(volume, size, { ...turn, shift: 0 }, batch.images, v * length);
      const own = batch.images.subarray(v * length, (v + 1) * length);
      for (let i = 0; i < own.length; i++) own[i] = own[i]! * (1 + factor) + turn.shift;
    }
    return { ...batch!, epoch: this.plan.epoch(step) };
  }
}

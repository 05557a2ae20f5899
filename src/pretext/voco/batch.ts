import type { Vec3 } from '../../geometry';

/** One step's crops, ready for the network: float32, channels last, `[count, X, Y, Z, C]`. */
export interface CropBatch {
  /** Volumes in the batch (B), random crops a volume (R), base crops a volume (n). */
  readonly volumes: number;
  readonly randomPerVolume: number;
  readonly basesPerVolume: number;
  /** Size of a crop as the network sees it. */
  readonly cropShape: Vec3;
  readonly channels: number;
  /** `[B·R, …cropShape, C]`: the random crops of volume 0, then of volume 1, … */
  readonly random: Float32Array;
  /** `[B·n, …cropShape, C]`: the base crops of volume 0 in grid order (x slowest), then of volume 1, … */
  readonly bases: Float32Array;
  /** Position labels `[B·R, n]`: the share of each random crop that lies in each base crop of its own volume. */
  readonly labels: Float64Array;
  /** Centres of the random crops in voxels of the preprocessed volume, `[B·R, 3]`. */
  readonly centres: Float64Array;
  /** Image file of each volume. */
  readonly cases: readonly string[];
}

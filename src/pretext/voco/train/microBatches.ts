import { voxelCount } from '../../../geometry';
import type { CropBatch } from '../../../data/types';
import * as tf from '../../../tensor/tf';

/** A run of crops of a step: the random crops come first, then the base crops, each in the order of `CropBatch`. */
export interface MicroBatch {
  /** Index of its first crop among all crops of the step. */
  readonly first: number;
  readonly count: number;
}

/** Number of crops in a step, random and base. */
export function cropCount(batch: CropBatch): number {
  return batch.volumes * (batch.randomPerVolume + batch.basesPerVolume);
}

/** Cuts `total` crops into runs of at most `size`, as even as they can be (a last run of one crop wastes a pass). */
export function planMicroBatches(total: number, size: number): MicroBatch[] {
  const parts = Math.max(1, Math.ceil(total / Math.max(1, size)));
  return Array.from({ length: parts }, (_, part) => {
    const first = Math.floor((part * total) / parts);
    return { first, count: Math.floor(((part + 1) * total) / parts) - first };
  });
}

/** The crops of one micro-batch as a tensor `[count, X, Y, Z, C]`. */
export function cropTensor(batch: CropBatch, micro: MicroBatch): tf.Tensor5D {
  const voxels = voxelCount(batch.cropShape) * batch.channels;
  const randoms = batch.volumes * batch.randomPerVolume;
  const shape = [micro.count, ...batch.cropShape, batch.channels] as [number, number, number, number, number];
  const end = micro.first + micro.count;
  if (end <= randoms) return tf.tensor5d(batch.random.slice(micro.first * voxels, end * voxels), shape);
  if (micro.first >= randoms) {
    return tf.tensor5d(batch.bases.slice((micro.first - randoms) * voxels, (end - randoms) * voxels), shape);
  }
  const both = new Float32Array(micro.count * voxels);
  both.set(batch.random.subarray(micro.first * voxels));
  both.set(batch.bases.subarray(0, (end - randoms) * voxels), (randoms - micro.first) * voxels);
  return tf.tensor5d(both, shape);
}

import { VisibleVoxels } from '../../nets';
import type { Rows } from '../../tasks';
import * as tf from '../../tensor/tf';
import { askedVoxels } from './sample';
import type { CropBatch } from './sampler';

type Part = 'inputs' | 'targets' | 'masks' | 'kept' | 'labels';

function slice(batch: CropBatch, part: Part, { first, count }: Rows): Float32Array | Uint8Array {
  const all = batch[part];
  const length = all.length / batch.rows;
  return all.slice(first * length, (first + count) * length);
}

/** Some rows as the network takes them, `[count, X, Y, Z, C]`. */
export function inputTensor(batch: CropBatch, rows: Rows): tf.Tensor5D {
  return tf.tensor5d(slice(batch, 'inputs', rows) as Float32Array, [rows.count, ...batch.shape, batch.channels]);
}

/** What is to be restored of some rows, `[count, voxels, C]`: reductions over five axes are slow or missing on some devices. */
export function targetTensor(batch: CropBatch, rows: Rows): tf.Tensor3D {
  const values = slice(batch, 'targets', rows) as Float32Array;
  return tf.tensor3d(values, [rows.count, values.length / (rows.count * batch.channels), batch.channels]);
}

/** Where the loss looks, `[count, …shape]`; undefined: everywhere. */
export function askedOf(batch: CropBatch, rows: Rows): Uint8Array | undefined {
  const part = (name: 'masks' | 'kept') =>
    batch[name].length > 0 ? (slice(batch, name, rows) as Uint8Array) : undefined;
  const [mask, kept] = [part('masks'), part('kept')];
  return askedVoxels({ ...(mask && { mask }), kept });
}

/** Where the loss looks, `[count, voxels, 1]`; undefined: everywhere. */
export function maskTensor(batch: CropBatch, rows: Rows): tf.Tensor3D | undefined {
  const asked = askedOf(batch, rows);
  if (!asked) return undefined;
  const values = Float32Array.from(asked);
  return tf.tensor3d(values, [rows.count, values.length / rows.count, 1]);
}

/** Which voxels of some rows may be seen, where the mask hides whole blocks. @param block edge of a block, voxels */
export function visibleVoxels(batch: CropBatch, { first, count }: Rows, block: number): VisibleVoxels {
  const voxels = batch.masks.length / batch.rows;
  return new VisibleVoxels(batch.masks.subarray(first * voxels, (first + count) * voxels), count, batch.shape, block);
}

/** The classes of some rows one by one: `labels[row * n + i]`, n of them a row. */
export function labelsOf(batch: CropBatch, rows: Rows): { values: Uint8Array; perRow: number } {
  return { values: slice(batch, 'labels', rows) as Uint8Array, perRow: batch.labels.length / batch.rows };
}

/** A network's output of any layout `[N, …, C]` as `[N, voxels, C]`. */
export function flatVoxels(x: tf.Tensor): tf.Tensor3D {
  const [n, c] = [x.shape[0]!, x.shape.at(-1)!];
  return tf.reshape(x, [n, x.size / (n * c), c]);
}

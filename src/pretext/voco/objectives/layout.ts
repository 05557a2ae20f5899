import * as tf from '../../../tensor/tf';
import type { StepLayout } from './types';

/** Embeddings of a step by volume. */
export interface Embeddings {
  /** [B, R, E] */
  crops: tf.Tensor3D;
  /** [B, n, E] */
  bases: tf.Tensor3D;
}

export function splitRows(rows: tf.Tensor2D, layout: StepLayout): Embeddings {
  const { volumes, randomPerVolume, basesPerVolume } = layout;
  const size = rows.shape[1];
  const [crops, bases] = tf.split(rows, [volumes * randomPerVolume, volumes * basesPerVolume], 0);
  return {
    crops: tf.reshape(crops!, [volumes, randomPerVolume, size]),
    bases: tf.reshape(bases!, [volumes, basesPerVolume, size]),
  };
}

/** Labels or assignments [B·R, n] as [B, R, n]. */
export function byVolume(rows: tf.Tensor2D, { volumes, randomPerVolume, basesPerVolume }: StepLayout): tf.Tensor3D {
  return tf.reshape(rows, [volumes, randomPerVolume, basesPerVolume]);
}

/** The inverse of {@link byVolume}. */
export function asRows(perVolume: tf.Tensor3D): tf.Tensor2D {
  return tf.reshape(perVolume, [-1, perVolume.shape[2]]);
}

import * as tf from './tf';

/**
 * Reads many scalars back with one transfer: the only read-back of a training step.
 *
 * @param scalars tensors of one element each; they stay the caller's.
 */
export async function readScalars<K extends string>(scalars: Record<K, tf.Tensor>): Promise<Record<K, number>> {
  const names = Object.keys(scalars) as K[];
  if (names.length === 0) return {} as Record<K, number>;
  const all = tf.tidy(() => tf.concat(names.map((name) => tf.reshape(tf.cast(scalars[name], 'float32'), [1]))));
  const values = await all.data();
  all.dispose();
  return Object.fromEntries(names.map((name, i) => [name, values[i]!])) as Record<K, number>;
}

import * as tf from '../tf';
import { differentiable } from './dispatch';

/** Some tokens of each crop, in the order of all of them. */
export interface TokenRows {
  /** Crops, and tokens of each: all, and those that are taken. */
  readonly batch: number;
  readonly tokens: number;
  readonly taken: number;
  /** [batch · taken]: the row of [batch · tokens] that each taken token is. */
  readonly source: Int32Array;
  /** [batch · tokens]: the row of [batch · taken] that each token is, or batch · taken for one that is not taken. */
  readonly target: Int32Array;
}

/**
 * Which tokens are taken, as many of each crop.
 *
 * @param marks [batch · tokens]: other than 0 for tokens that are taken
 */
export function tokenRows(marks: ArrayLike<number>, batch: number): TokenRows {
  const tokens = marks.length / batch;
  const source: number[] = [];
  const counts = Array.from({ length: batch }, (_, n) => {
    const before = source.length;
    for (let i = n * tokens; i < (n + 1) * tokens; i++) if (marks[i]) source.push(i);
    return source.length - before;
  });
  const taken = counts[0]!;
  if (counts.some((count) => count !== taken)) throw new Error(`crops with ${counts.join(', ')} visible tokens`);
  const target = new Int32Array(marks.length).fill(source.length);
  source.forEach((from, i) => (target[from] = i));
  return { batch, tokens, taken, source: Int32Array.from(source), target };
}

const int32 = (values: Int32Array): tf.Tensor1D => tf.tensor1d(values, 'int32');
const flat = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, x.shape.at(-1)!]);

/** Rows [batch · tokens, C] from those of the taken tokens, the others all of one vector. */
function spread(x: tf.Tensor, other: tf.Tensor, { target }: TokenRows): tf.Tensor {
  return tf.gather(tf.concat([flat(x), tf.reshape(other, [1, -1])], 0), int32(target));
}

const take = (x: tf.Tensor, { source }: TokenRows): tf.Tensor => tf.gather(flat(x), int32(source));

/** The taken tokens: [batch, tokens, C] → [batch, taken, C]. The gradient keeps nothing. */
export function gatherRows(x: tf.Tensor3D, rows: TokenRows): tf.Tensor3D {
  const { batch, tokens, taken } = rows;
  const channels = x.shape[2];
  return differentiable<tf.Tensor3D>(
    { x },
    () => tf.reshape(take(x, rows), [batch, taken, channels]),
    (dy) => ({ x: () => tf.reshape(spread(dy, tf.zeros([channels]), rows), [batch, tokens, channels]) }),
  );
}

/** The way back, with one vector [C] in the place of tokens that are not taken: [batch, taken, C] → [batch, tokens, C]. */
export function fillRows(x: tf.Tensor3D, filler: tf.Tensor1D, rows: TokenRows): tf.Tensor3D {
  const { batch, tokens, taken, target } = rows;
  const channels = x.shape[2];
  return differentiable<tf.Tensor3D>(
    { x, filler },
    () => tf.reshape(spread(x, filler, rows), [batch, tokens, channels]),
    (dy) => {
      const left = Int32Array.from(target.keys()).filter((i) => target[i] === batch * taken);
      return {
        x: () => tf.reshape(take(dy, rows), [batch, taken, channels]),
        filler: () => tf.sum(tf.gather(flat(dy), int32(left)), 0),
      };
    },
  );
}

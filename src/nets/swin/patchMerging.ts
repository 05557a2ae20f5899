import { layerNorm, linear } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import type { Scope } from '../layers';
import type { Parameter } from '../parameters';

/**
 * Parity (4·d + 2·h + w, each 0 or 1) of the eight neighbours in the order in which they are concatenated. MONAI's original
 * `merging`, which all published VoCo weights were trained with, takes 010 and 001 twice and 011 and 110 never;
 * `mergingv2` takes each once.
 */
export const MERGING_ORDER = {
  merging: [0b000, 0b100, 0b010, 0b001, 0b101, 0b010, 0b001, 0b111],
  mergingv2: [0b000, 0b001, 0b010, 0b011, 0b100, 0b101, 0b110, 0b111],
} as const;

export type MergingMode = keyof typeof MERGING_ORDER;

/** Halves the resolution and doubles the channels (MONAI PatchMerging): 2³ neighbours – layer norm – dense without bias. */
export class PatchMerging {
  private readonly reduction: Parameter;
  private readonly norm: { weight: Parameter; bias: Parameter };

  constructor(
    scope: Scope,
    channels: number,
    private readonly mode: MergingMode = 'merging',
  ) {
    this.reduction = scope.at('reduction').linearNoBias(8 * channels, 2 * channels).weight;
    this.norm = scope.at('norm').layerNorm(8 * channels);
  }

  /** [N, D, H, W, C] → [N, ⌈D/2⌉, ⌈H/2⌉, ⌈W/2⌉, 2C]. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const neighbours = gatherNeighbours(padToEven(x), this.mode);
      const normed = layerNorm(neighbours, {
        gamma: this.norm.weight.get<tf.Tensor1D>(),
        beta: this.norm.bias.get<tf.Tensor1D>(),
      });
      return linear(normed, this.reduction.get());
    });
  }
}

/** [N, D, H, W, C] with even sizes → [N, D/2, H/2, W/2, 8C] in the order of {@link MERGING_ORDER}. */
export function gatherNeighbours(x: tf.Tensor5D, mode: MergingMode): tf.Tensor5D {
  const [batch, d, h, w, channels] = x.shape;
  const [d2, h2, w2] = [d / 2, h / 2, w / 2];
  // Two axes of parity go before the channels; the third (along w) is already next to them.
  const split = tf.transpose(tf.reshape(x, [batch * d2, 2, h2, 2, w2, 2 * channels]), [0, 2, 4, 1, 3, 5]);
  const all = tf.reshape(split, [batch * d2 * h2 * w2, 8, channels]) as tf.Tensor3D;
  const chosen = mode === 'mergingv2' ? all : chooseNeighbours(all, MERGING_ORDER[mode]);
  return tf.reshape(chosen, [batch, d2, h2, w2, 8 * channels]);
}

const part = (x: tf.Tensor3D, at: number): tf.Tensor3D => tf.slice(x, [0, at, 0], [-1, 1, -1]);

/** [M, 8, C] → [M, 8, C] with row k taken from row order[k]; rows may repeat. Its own gradient: that of slices pads each. */
function chooseNeighbours(x: tf.Tensor3D, order: readonly number[]): tf.Tensor3D {
  const choose = tf.customGrad((input) => {
    const source = input as tf.Tensor3D;
    const value = tf.concat(order.map((from) => part(source, from)), 1); // prettier-ignore
    const shape = source.shape;
    const gradFunc = (dy: tf.Tensor) => {
      const rows = order.map((_, from) => sumOfUses(dy as tf.Tensor3D, order, from, shape));
      return tf.concat(rows, 1);
    };
    return { value, gradFunc };
  });
  return choose(x) as tf.Tensor3D;
}

function sumOfUses(
  dy: tf.Tensor3D,
  order: readonly number[],
  from: number,
  shape: [number, number, number],
): tf.Tensor3D {
  const uses = order.flatMap((used, at) => (used === from ? [part(dy, at)] : []));
  if (uses.length === 0) return tf.zeros([shape[0], 1, shape[2]]);
  return uses.length === 1 ? uses[0]! : tf.addN(uses);
}

/** Zero voxels at the end of axes of odd size. */
export function padToEven(x: tf.Tensor5D): tf.Tensor5D {
  const [d, h, w] = [x.shape[1] % 2, x.shape[2] % 2, x.shape[3] % 2];
  if (d + h + w === 0) return x;
  const padding: [number, number][] = [[0, 0], [0, d], [0, h], [0, w], [0, 0]]; // prettier-ignore
  return tf.pad(x, padding);
}

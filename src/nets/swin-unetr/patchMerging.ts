import { layerNorm, linear } from '../../tensor/ops';
import { differentiable } from '../../tensor/ops/dispatch';
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
    this.norm = scope.at('norm').norm(8 * channels);
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

/**
 * [N, D, H, W, C] with even sizes → [N, D/2, H/2, W/2, 8C] in the order of {@link MERGING_ORDER}. The gradient keeps nothing:
 * those of the reshapes that this is made of would keep a copy of x.
 */
export function gatherNeighbours(x: tf.Tensor5D, mode: MergingMode): tf.Tensor5D {
  const { shape } = x;
  return differentiable<tf.Tensor5D>(
    { x },
    () => {
      const [batch, d, h, w, channels] = shape;
      const all = neighbours(x);
      const chosen =
        mode === 'mergingv2'
          ? all
          : tf.concat(
              MERGING_ORDER[mode].map((from) => part(all, from)),
              1,
            );
      return tf.reshape(chosen, [batch, d / 2, h / 2, w / 2, 8 * channels]);
    },
    (dy) => ({
      x: () => {
        const rows = tf.reshape(dy, [-1, 8, shape[4]]) as tf.Tensor3D;
        const order = MERGING_ORDER[mode];
        const all = mode === 'mergingv2' ? rows : tf.concat(order.map((_, from) => sumOfUses(rows, order, from)), 1); // prettier-ignore
        return fromNeighbours(all as tf.Tensor3D, shape);
      },
    }),
  );
}

/** [N, D, H, W, C] → [N·D/2·H/2·W/2, 8, C], by parity. */
function neighbours(x: tf.Tensor5D): tf.Tensor3D {
  const [batch, d, h, w, channels] = x.shape;
  // Two axes of parity go before the channels; the third (along w) is already next to them.
  const rows = tf.reshape(x, [(batch * d) / 2, 2, h / 2, 2, w / 2, 2 * channels]);
  return tf.reshape(tf.transpose(rows, [0, 2, 4, 1, 3, 5]), [-1, 8, channels]);
}

/** The inverse of {@link neighbours}. */
function fromNeighbours(all: tf.Tensor3D, shape: tf.Tensor5D['shape']): tf.Tensor5D {
  const [batch, d, h, w, channels] = shape;
  const rows = tf.reshape(all, [(batch * d) / 2, h / 2, w / 2, 2, 2, 2 * channels]);
  return tf.reshape(tf.transpose(rows, [0, 3, 1, 4, 2, 5]), shape);
}

const part = (x: tf.Tensor3D, at: number): tf.Tensor3D => tf.slice(x, [0, at, 0], [-1, 1, -1]);

/** The gradient of row `from` of [M, 8, C], which the order may take several times or never: [M, 1, C]. */
function sumOfUses(dy: tf.Tensor3D, order: readonly number[], from: number): tf.Tensor3D {
  const uses = order.flatMap((used, at) => (used === from ? [part(dy, at)] : []));
  if (uses.length === 0) return tf.zeros([dy.shape[0], 1, dy.shape[2]]);
  return uses.length === 1 ? uses[0]! : tf.addN(uses);
}

/** Zero voxels at the end of axes of odd size. */
export function padToEven(x: tf.Tensor5D): tf.Tensor5D {
  const [d, h, w] = [x.shape[1] % 2, x.shape[2] % 2, x.shape[3] % 2];
  if (d + h + w === 0) return x;
  const padding: [number, number][] = [[0, 0], [0, d], [0, h], [0, w], [0, 0]]; // prettier-ignore
  return tf.pad(x, padding);
}

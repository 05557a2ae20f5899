import { Scope } from '../../nets/layers';
import type { Parameter, ParameterSet } from '../../nets/parameters';
import { linear } from '../../tensor/ops';
import * as tf from '../../tensor/tf';

const NORM_EPS = 1e-5;

export interface ProjectorOptions {
  /** Width of the two inner layers. */
  hidden: number;
  /** Length of an embedding. */
  out: number;
  /** What stands behind the inner layers; default `batch`. */
  norm?: ProjectorNorm | undefined;
}

/** `batch`: over all rows of a step, as the released code; `layer`: over the numbers of each row, as nnssl in effect. */
export type ProjectorNorm = 'batch' | 'layer';

/** Numbers of a {@link Projector} behind `inSize` features. */
export const projectorParameters = (inSize: number, { hidden, out }: ProjectorOptions): number =>
  (inSize + 1) * hidden + (hidden + 1) * hidden + (hidden + 1) * out;

/** Mean 0 and variance 1 along an axis, without affine parameters. */
function normalized(x: tf.Tensor2D, axis: 0 | 1): tf.Tensor2D {
  const centred = tf.sub(x, tf.mean(x, axis, true));
  const variance = tf.mean(tf.square(centred), axis, true);
  return tf.mul(centred, tf.rsqrt(tf.add(variance, NORM_EPS)));
}

/** Batch norm over rows without affine parameters or running statistics: always the batch's own, also in validation. */
export const batchNorm = (x: tf.Tensor2D): tf.Tensor2D => normalized(x, 0);

/** Layer norm of each row: what torch's InstanceNorm1d does to rows without a length. */
export const layerNorm = (x: tf.Tensor2D): tf.Tensor2D => normalized(x, 1);

/**
 * Pooled features to embeddings (`projection_head` of the released code): twice dense – norm – ReLU, then dense. All
 * crops of the step must go through in one call, because a batch norm takes its statistics from them.
 *
 * State-dict names: `layer1.0`, `layer2.0`, `layer3.0`, each with weight and bias.
 */
export class Projector {
  private readonly layers: { weight: Parameter; bias: Parameter }[];

  constructor(
    readonly parameters: ParameterSet,
    readonly inSize: number,
    readonly options: ProjectorOptions,
  ) {
    const scope = new Scope(parameters);
    const sizes = [inSize, options.hidden, options.hidden, options.out];
    this.layers = [0, 1, 2].map((i) => scope.at(`layer${i + 1}.0`).linear(sizes[i]!, sizes[i + 1]!));
  }

  /** [M, inSize] → [M, out]. */
  forward(features: tf.Tensor2D): tf.Tensor2D {
    const norm = this.options.norm === 'layer' ? layerNorm : batchNorm;
    return tf.tidy(() =>
      this.layers.reduce((x, { weight, bias }, i) => {
        const y = linear(x, weight.get(), bias.get<tf.Tensor1D>());
        return i < this.layers.length - 1 ? tf.relu(norm(y)) : y;
      }, features),
    );
  }
}

import * as tf from '../tf';
import { differentiable, hasKernel, present, runKernel } from './dispatch';
import { Kernel } from './kernels';

/** (x − mean) · rstd and the statistics themselves, with the reduced axes kept. Biased variance, as torch. */
export function normalise(
  x: tf.Tensor,
  axes: number[],
  eps: number,
): { y: tf.Tensor; mean: tf.Tensor; rstd: tf.Tensor } {
  const mean = tf.mean(x, axes, true);
  const centred = tf.sub(x, mean);
  const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(centred), axes, true), eps));
  return { y: tf.mul(centred, rstd), mean, rstd };
}

/** The gradient of {@link normalise}'s x, from its output y. */
function normaliseGradient(y: tf.Tensor, dy: tf.Tensor, rstd: tf.Tensor, axes: number[]): tf.Tensor {
  const projected = tf.mul(y, tf.mean(tf.mul(dy, y), axes, true));
  return tf.mul(rstd, tf.sub(tf.sub(dy, tf.mean(dy, axes, true)), projected));
}

interface LayerNormOptions {
  eps?: number;
  gamma?: tf.Tensor1D;
  beta?: tf.Tensor1D;
}

/** {@link layerNorm} without a place on the tape, and two numbers a row for {@link layerNormGradient}. */
export function layerNormOf(
  x: tf.Tensor,
  { gamma, beta, eps = 1e-5 }: LayerNormOptions,
): { y: tf.Tensor; mean: tf.Tensor; rstd: tf.Tensor } {
  if (hasKernel(Kernel.LayerNorm) && hasKernel(Kernel.LayerNormGrad)) {
    const [y, mean, rstd] = runKernel(Kernel.LayerNorm, { x, gamma, beta }, { eps });
    return { y, mean, rstd };
  }
  const { y, mean, rstd } = normalise(x, [x.shape.length - 1], eps);
  const scaled = gamma ? tf.mul(y, gamma) : y;
  return { y: beta ? tf.add(scaled, beta) : scaled, mean, rstd };
}

/** [dx, dgamma, dbeta]. */
export function layerNormGradient(
  x: tf.Tensor,
  dy: tf.Tensor,
  mean: tf.Tensor,
  rstd: tf.Tensor,
  gamma?: tf.Tensor,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  if (hasKernel(Kernel.LayerNormGrad)) {
    return runKernel(Kernel.LayerNormGrad, { x, dy, mean, rstd, gamma });
  }
  const rows = (t: tf.Tensor): tf.Tensor2D => tf.reshape(t, [-1, x.shape[x.shape.length - 1]!]);
  const column = (t: tf.Tensor): tf.Tensor2D => tf.reshape(t, [-1, 1]);
  const normal = tf.mul(tf.sub(rows(x), column(mean)), column(rstd));
  const dNormal = gamma ? tf.mul(rows(dy), gamma) : rows(dy);
  const dx = tf.reshape(normaliseGradient(normal, dNormal, column(rstd), [1]), x.shape);
  return [dx, tf.sum(tf.mul(rows(dy), normal), 0), tf.sum(rows(dy), 0)];
}

/**
 * Layer normalisation over the last axis; without gamma and beta it only normalises (torch.nn.functional.layer_norm,
 * eps 1e-5). The gradient keeps x, gamma and two numbers a row.
 *
 * @param x [...,C]
 * @param options.gamma, options.beta [C]
 * @returns [...,C]
 */
export function layerNorm<T extends tf.Tensor>(x: T, options: LayerNormOptions = {}): T {
  const { gamma, beta } = options;
  return differentiable<tf.Tensor>(
    present({ x, gamma, beta }),
    (save) => {
      const { y, mean, rstd } = layerNormOf(x, options);
      save([x, mean, rstd, ...(gamma ? [gamma] : [])]);
      return y;
    },
    (dy, saved) => {
      const [savedX, mean, rstd, savedGamma] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor | undefined];
      const [dx, dGamma, dBeta] = layerNormGradient(savedX, dy, mean, rstd, savedGamma);
      return { x: () => dx, gamma: () => dGamma, beta: () => dBeta };
    },
  ) as T;
}

/**
 * Instance normalisation over D, H, W (not affine, batch statistics, eps 1e-5: torch.nn.InstanceNorm3d's default),
 * followed by leaky ReLU where `slope` is given. The gradient keeps the output, which what follows keeps anyway, and one
 * number a channel: the activation is undone (Rota Bulò et al. 2018, In-Place Activated BatchNorm).
 *
 * @param x [N,D,H,W,C]
 * @param options.slope above 0
 */
export function instanceNorm(x: tf.Tensor5D, options: { eps?: number; slope?: number } = {}): tf.Tensor5D {
  const { eps = 1e-5, slope = 1 } = options;
  if (!(slope > 0)) throw new Error(`instanceNorm: a slope of ${slope} cannot be undone`);
  const axes = [1, 2, 3];
  const native = hasKernel(Kernel.InstanceNorm) && hasKernel(Kernel.InstanceNormGrad);
  return differentiable<tf.Tensor5D>(
    { x },
    (save) => {
      if (native) {
        const [y, , rstd] = runKernel(Kernel.InstanceNorm, { x }, { eps, slope });
        save([y, rstd]);
        return y as tf.Tensor5D;
      }
      const { y: normal, rstd } = normalise(x, axes, eps);
      const y = slope === 1 ? normal : tf.leakyRelu(normal, slope);
      save([y, rstd]);
      return y as tf.Tensor5D;
    },
    (dy, saved) => {
      const [y, rstd] = saved as [tf.Tensor, tf.Tensor];
      if (native) return { x: () => runKernel(Kernel.InstanceNormGrad, { y, dy, rstd }, { slope }) };
      return {
        x: () => {
          const normal = slope === 1 ? y : tf.leakyRelu(y, 1 / slope);
          const dNormal = slope === 1 ? dy : tf.mul(dy, leakySlope(y, slope));
          return normaliseGradient(normal, dNormal, rstd, axes);
        },
      };
    },
  );
}

/** 1 where y > 0, else `slope`: the derivative of leaky ReLU, from its input or its output. */
export function leakySlope(y: tf.Tensor, slope: number): tf.Tensor {
  return tf.add(tf.mul(tf.cast(tf.greater(y, 0), 'float32'), 1 - slope), slope);
}

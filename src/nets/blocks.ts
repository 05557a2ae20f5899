import { addLeakyRelu, conv3d, convTranspose3d, globalAverage, instanceNorm } from '../tensor/ops';
import * as tf from '../tensor/tf';
import type { Scope, ConvParameters } from './layers';
import type { Parameter } from './parameters';
import type { Scale } from './types';

/** Slope of every leaky ReLU in MONAI's and nnU-Net's blocks. */
export const SLOPE = 0.01;

/**
 * Residual convolution block (MONAI UnetResBlock): conv 3³ – instance norm – leaky ReLU – conv 3³ – instance norm, plus the
 * input (through a 1³ convolution and a norm where the channels change), leaky ReLU. Convolutions have no bias.
 */
export class ResidualBlock {
  private readonly conv1: ConvParameters;
  private readonly conv2: ConvParameters;
  private readonly conv3: ConvParameters | undefined;

  constructor(scope: Scope, inChannels: number, outChannels: number) {
    this.conv1 = scope.at('conv1.conv').conv(inChannels, outChannels, 3);
    this.conv2 = scope.at('conv2.conv').conv(outChannels, outChannels, 3);
    this.conv3 = inChannels === outChannels ? undefined : scope.at('conv3.conv').conv(inChannels, outChannels, 1);
  }

  /** [N, D, H, W, in] → [N, D, H, W, out]. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const inner = tf.tidy(() => instanceNorm(conv3d(x, this.conv1.weight.get(), { padding: 1 }), { slope: SLOPE }));
      const main = instanceNorm(conv3d(inner, this.conv2.weight.get(), { padding: 1 }));
      const residual = this.conv3 ? instanceNorm(conv3d(x, this.conv3.weight.get())) : x;
      return addLeakyRelu(main, residual, SLOPE);
    });
  }
}

/** Doubles the resolution, appends the skip features and joins them (MONAI UnetrUpBlock with a residual block). */
export class UpBlock {
  private readonly up: ConvParameters;
  private readonly block: ResidualBlock;

  constructor(scope: Scope, inChannels: number, outChannels: number) {
    this.up = scope.at('transp_conv.conv').convTranspose(inChannels, outChannels, 2);
    this.block = new ResidualBlock(scope.at('conv_block'), 2 * outChannels, outChannels);
  }

  /** x [N, D, H, W, in], skip [N, 2D, 2H, 2W, out] → [N, 2D, 2H, 2W, out]. */
  forward(x: tf.Tensor5D, skip: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const joined = tf.tidy(() => tf.concat([convTranspose3d(x, this.up.weight.get(), { stride: 2 }), skip], 4));
      return this.block.forward(joined);
    });
  }
}

/** The last layer: a 1³ convolution with bias to the logits (MONAI UnetOutBlock). */
export class OutBlock {
  private readonly conv: { weight: Parameter; bias: Parameter };

  constructor(scope: Scope, inChannels: number, outChannels: number) {
    this.conv = scope.at('conv.conv').conv(inChannels, outChannels, 1, true);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    return conv3d(x, this.conv.weight.get(), { bias: this.conv.bias.get<tf.Tensor1D>() });
  }
}

/** Length of the vector that {@link poolAll} makes of features at these scales. */
export const pooledSizeOf = (scales: readonly Scale[]): number =>
  scales.reduce((sum, { channels }) => sum + channels, 0);

/** Global average over space of each tensor [N, D, H, W, C], concatenated over channels: [N, ΣC]. */
export function poolAll(features: readonly tf.Tensor5D[]): tf.Tensor2D {
  return tf.concat(features.map(globalAverage), 1);
}

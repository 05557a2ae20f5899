import { addResidual, conv3d } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { BatchNorm } from '../batchNorm';
import type { ConvParameters, Scope } from '../layers';
import { GroupNorm, type Norm } from '../norms';
import { GROUPS, type SegResNetSection } from './descriptor';

/** Slope of a ReLU below zero. */
export const RELU = 0;

/** Makes the norms of a network. */
export type MakeNorm = (scope: Scope, channels: number) => Norm;

export const groupNorms: MakeNorm = (scope, channels) => new GroupNorm(scope, channels, GROUPS);

export const batchNorms =
  ({ freezeStatistics }: Pick<SegResNetSection, 'freezeStatistics'>): MakeNorm =>
  (scope, channels) =>
    new BatchNorm(scope, channels, freezeStatistics);

/**
 * How a residual block of so many channels begins. Its second convolution is the end of the branch that is added: no norm follows, so
 * that its scale matters.
 */
type MakeBlock = (scope: Scope, channels: number) => ResidualBlock;

/**
 * Pre-activation block: x + conv(relu(norm(conv(relu(norm(x)))))), convolutions of 3³ without bias. MONAI's two networks name and
 * order its tensors differently: {@link resBlocks}, {@link segResBlocks}.
 */
export class ResidualBlock {
  constructor(
    private readonly norms: readonly [Norm, Norm],
    private readonly convs: readonly [ConvParameters, ConvParameters],
  ) {}

  /** [N, D, H, W, C] → the same shape. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const [first, second] = this.convs;
      const inner = tf.tidy(() => conv3d(this.norms[0].forward(x, RELU), first.weight.get(), { padding: 1 }));
      const branch = tf.tidy(() => conv3d(this.norms[1].forward(inner, RELU), second.weight.get(), { padding: 1 }));
      return addResidual(branch, x);
    });
  }
}

/** Names norm1, norm2, conv1.conv, conv2.conv (MONAI networks/blocks/segresnet_block.py, ResBlock). */
export const resBlocks =
  (norm: MakeNorm): MakeBlock =>
  (scope, channels) => {
    const norms = [norm(scope.at('norm1'), channels), norm(scope.at('norm2'), channels)] as const;
    const first = scope.at('conv1.conv').conv(channels, channels, 3);
    return new ResidualBlock(norms, [first, scope.at('conv2.conv').convNoBias(channels, channels, 3)]);
  };

/** Names norm1, conv1, norm2, conv2 (MONAI networks/nets/segresnet_ds.py, SegResBlock). */
export const segResBlocks =
  (norm: MakeNorm): MakeBlock =>
  (scope, channels) => {
    const before = norm(scope.at('norm1'), channels);
    const first = scope.at('conv1').conv(channels, channels, 3);
    const between = norm(scope.at('norm2'), channels);
    return new ResidualBlock([before, between], [first, scope.at('conv2').convNoBias(channels, channels, 3)]);
  };

/** Several blocks one after the other. */
export const inRow = (blocks: readonly ResidualBlock[], x: tf.Tensor5D): tf.Tensor5D =>
  blocks.reduce((state, block) => block.forward(state), x);

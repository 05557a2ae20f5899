import type { Vec3 } from '../../geometry';
import { averagePool3d, conv3d, groupNorm } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { SLOPE } from '../blocks';
import type { ConvParameters, Scope } from '../layers';
import type { Parameter } from '../parameters';

/** What a unit does after its convolution. */
interface After {
  /** Of the leaky ReLU; 1: none. */
  readonly slope: number;
  /** Added before it. */
  readonly residual?: tf.Tensor5D;
  /** Of the output, `[N, X, Y, Z, 1]`: other voxels take no part in the norm and come out as 0. */
  readonly visible?: tf.Tensor5D;
}

export interface UnitShape {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: Vec3;
  readonly stride?: Vec3;
  readonly bias: boolean;
}

const isOne = (stride: Vec3): boolean => stride.every((step) => step === 1);

/**
 * Convolution, affine instance norm and leaky ReLU (dynamic-network-architectures, ConvDropoutNormReLU). Names: `conv.weight`,
 * `conv.bias` where there is one, `norm.weight`, `norm.bias`. The bias is part of the state dict alone: the mean over space that the
 * norm takes away takes it along, so it changes nothing and has no gradient.
 */
export class Unit {
  private readonly conv: ConvParameters;
  private readonly norm: { weight: Parameter; bias: Parameter };
  private readonly geometry: { stride: Vec3; padding: Vec3 };

  constructor(scope: Scope, { inChannels, outChannels, kernel, stride = [1, 1, 1], bias }: UnitShape) {
    this.conv = scope.at('conv').normedConv(inChannels, outChannels, kernel, bias);
    this.norm = scope.at('norm').norm(outChannels);
    const [a, b, c] = kernel;
    this.geometry = { stride, padding: [(a - 1) / 2, (b - 1) / 2, (c - 1) / 2] };
  }

  /** [N, D, H, W, in] → [N, D / stride, …, out]. */
  forward(x: tf.Tensor5D, after: After): tf.Tensor5D {
    return tf.tidy(() => {
      const y = conv3d(x, this.conv.weight.get(), this.geometry);
      const [gamma, beta] = [this.norm.weight.get<tf.Tensor1D>(), this.norm.bias.get<tf.Tensor1D>()];
      return groupNorm(y, { groups: y.shape[4], gamma, beta, ...after });
    });
  }
}

/** What leads past a block's convolutions: a mean over the voxels of a step, and a convolution 1³ where the channels change. */
class Skip {
  private readonly unit: Unit | undefined;

  constructor(
    scope: Scope,
    { inChannels, outChannels }: UnitShape,
    private readonly stride: Vec3,
  ) {
    // In the Sequential of torch the pool has the first place where there is one.
    const at = scope.at(isOne(stride) ? 'skip.0' : 'skip.1');
    const changes = inChannels !== outChannels;
    this.unit = changes ? new Unit(at, { inChannels, outChannels, kernel: [1, 1, 1], bias: false }) : undefined;
  }

  forward(x: tf.Tensor5D, visible: tf.Tensor5D | undefined): tf.Tensor5D {
    return tf.tidy(() => {
      const pooled = isOne(this.stride) ? tf.clone(x) : averagePool3d(x, this.stride);
      return this.unit ? this.unit.forward(pooled, { slope: 1, visible }) : pooled;
    });
  }
}

/**
 * Residual block: leakyRelu(norm(conv(leakyRelu(norm(conv(x))))) + skip(x)), the stride in the first convolution
 * (dynamic-network-architectures, BasicBlockD). Names: `conv1.*`, `conv2.*`, `skip.0.*` or `skip.1.*`.
 */
export class Block {
  private readonly conv1: Unit;
  private readonly conv2: Unit;
  private readonly skip: Skip;

  constructor(scope: Scope, shape: UnitShape) {
    const { outChannels, stride = [1, 1, 1] } = shape;
    this.conv1 = new Unit(scope.at('conv1'), shape);
    this.conv2 = new Unit(scope.at('conv2'), { ...shape, inChannels: outChannels, stride: [1, 1, 1] });
    this.skip = new Skip(scope, shape, stride);
  }

  /** @param visible of the output; hidden voxels of x are 0 */
  forward(x: tf.Tensor5D, visible?: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const inner = this.conv1.forward(x, { slope: SLOPE, visible });
      const residual = this.skip.forward(x, visible);
      return this.conv2.forward(inner, { slope: SLOPE, residual, visible });
    });
  }
}

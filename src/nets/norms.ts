import { groupNorm } from '../tensor/ops';
import type * as tf from '../tensor/tf';
import type { Scope } from './layers';
import type { Parameter } from './parameters';

/** A normalisation with scale and shift of each channel, followed by an activation. */
export interface Norm {
  /** [N, D, H, W, C] → the same shape. @param slope of the leaky ReLU that follows; 0 is a ReLU, 1 none */
  forward(x: tf.Tensor5D, slope: number): tf.Tensor5D;
}

/** Group norm of each crop (torch.nn.GroupNorm, eps 1e-5). Names: weight, bias. */
export class GroupNorm implements Norm {
  private readonly scale: { weight: Parameter; bias: Parameter };

  constructor(
    scope: Scope,
    channels: number,
    private readonly groups: number,
  ) {
    this.scale = scope.norm(channels);
  }

  forward(x: tf.Tensor5D, slope: number): tf.Tensor5D {
    const { weight, bias } = this.scale;
    const affine = { gamma: weight.get<tf.Tensor1D>(), beta: bias.get<tf.Tensor1D>() };
    return groupNorm(x, { groups: this.groups, ...affine, slope });
  }
}

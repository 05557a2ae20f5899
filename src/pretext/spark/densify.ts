import type { Scale } from '../../nets';
import { ParameterSet, VisibleVoxels, visibleNorm, type ParameterSetOptions } from '../../nets';
import { Scope, type ConvParameters } from '../../nets/layers';
import type { Parameter } from '../../nets/parameters';
import { conv3d, instanceNorm } from '../../tensor/ops';
import * as tf from '../../tensor/tf';

/** Standard deviation of the first tokens. */
const TOKEN_STD = 0.02;

interface Stage {
  readonly token: Parameter;
  /** Absent at the finest scale, whose features pass without one, as in nnssl's S3D. */
  readonly conv?: ConvParameters;
}

/**
 * What stands between a sparse encoder and the decoder (SparK's `densify`): at each scale a norm over the visible voxels, a learnt token
 * in the hidden ones, and below full resolution a convolution 3³ (nnssl, `SparK3D`). Names: `<scale>.token`, `<scale>.conv.weight`, `<scale>.conv.bias`, from fine to coarse.
 */
export class Densify {
  readonly parameters: ParameterSet;
  private readonly stages: readonly Stage[];

  constructor(
    private readonly scales: readonly Scale[],
    init: ParameterSetOptions,
  ) {
    this.parameters = new ParameterSet(init);
    const scope = new Scope(this.parameters);
    this.stages = scales.map(({ channels }, i) => ({
      token: this.parameters.add(`${i}.token`, [channels], { kind: 'normal', std: TOKEN_STD }),
      ...(i > 0 && { conv: scope.at(`${i}.conv`).conv(channels, channels, 3, true) }),
    }));
  }

  /** Features of all scales, of which hidden voxels are 0, filled and mixed. */
  fill(features: readonly tf.Tensor5D[], visible: VisibleVoxels): tf.Tensor5D[] {
    return features.map((feature, i) =>
      tf.tidy(() => {
        const { token, conv } = this.stages[i]!;
        const seen = visible.at(this.scales[i]!.stride);
        const normal = seen ? visibleNorm(feature, seen) : instanceNorm(feature);
        const filled = seen ? tf.add(normal, tf.mul(tf.sub(1, seen), token.get<tf.Tensor1D>())) : normal;
        if (!conv) return filled as tf.Tensor5D;
        return conv3d(filled as tf.Tensor5D, conv.weight.get(), { padding: 1, bias: conv.bias!.get<tf.Tensor1D>() });
      }),
    );
  }
}

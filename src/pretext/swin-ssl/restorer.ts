import { ParameterSet, type ParameterSetOptions, type Scale } from '../../nets';
import { SLOPE } from '../../nets/blocks';
import { Scope, type ConvParameters } from '../../nets/layers';
import { conv3d, convTranspose3d, instanceNorm } from '../../tensor/ops';
import type * as tf from '../../tensor/tf';

interface Step {
  readonly conv: ConvParameters;
  readonly up: ConvParameters;
}

/** Channels after each doubling of the resolution: half as many, at least 16. */
const LEAST_CHANNELS = 16;

/**
 * From the coarsest features to voxels, without skips: convolution 3³, instance norm, leaky ReLU and a transposed convolution that
 * doubles the resolution, again and again, then a convolution 3³ (the reconstruction head of Swin-UNETR's pre-training, whose
 * released form has trilinear upsampling). Names: `<step>.conv.weight`, `<step>.up.weight`, `out.weight`, `out.bias`.
 */
export class Restorer {
  readonly parameters: ParameterSet;
  private readonly steps: readonly Step[];
  private readonly out: ConvParameters & { bias: NonNullable<ConvParameters['bias']> };

  /** @param from the coarsest scale, whose stride is the same power of 2 along each axis */
  constructor({ channels, stride }: Scale, outChannels: number, init: ParameterSetOptions) {
    this.parameters = new ParameterSet(init);
    const scope = new Scope(this.parameters);
    let width = channels;
    this.steps = Array.from({ length: Math.log2(stride[0]) }, (_, i) => {
      const next = Math.max(LEAST_CHANNELS, width / 2);
      const step = {
        conv: scope.at(`${i}.conv`).conv(width, width, 3),
        up: scope.at(`${i}.up`).convTranspose(width, next, 2),
      };
      width = next;
      return step;
    });
    this.out = scope.at('out').conv(width, outChannels, 3, true);
  }

  /** [N, d, h, w, C] → [N, D, H, W, outChannels]. */
  forward(coarsest: tf.Tensor5D): tf.Tensor5D {
    const state = this.steps.reduce((x, { conv, up }) => {
      const inner = instanceNorm(conv3d(x, conv.weight.get(), { padding: 1 }), { slope: SLOPE });
      return convTranspose3d(inner, up.weight.get(), { stride: 2 });
    }, coarsest);
    return conv3d(state, this.out.weight.get(), { padding: 1, bias: this.out.bias.get<tf.Tensor1D>() });
  }
}

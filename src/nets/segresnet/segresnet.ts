import { addResidual, conv3d, convTranspose3d, upsample } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import type { ConvParameters, Scope } from '../layers';
import type { Norm } from '../norms';
import { groupNorms, inRow, RELU, resBlocks, type ResidualBlock } from './blocks';
import type { Trunk } from '../described';
import type { Decoder } from './network';

/** What of a configuration MONAI's SegResNet is made of. */
export interface SegResNetShape {
  readonly inChannels: number;
  readonly initFilters: number;
  readonly blocksDown: readonly number[];
}

export interface SegResNetDecoderShape extends SegResNetShape {
  /** Residual blocks of each level, from coarse to fine. */
  readonly blocksUp: readonly number[];
  /** MONAI's upsample_mode: trilinear after a 1³ convolution, or a transposed convolution 2³ with bias after it. */
  readonly upsampling?: 'trilinear' | 'deconv';
}

/** `convInit` and `down_layers` (MONAI networks/nets/segresnet.py): features of every level, before any norm. */
export class SegResNetTrunk implements Trunk {
  private readonly init: ConvParameters;
  private readonly levels: { down?: ConvParameters; blocks: ResidualBlock[] }[];

  constructor(scope: Scope, { inChannels, initFilters, blocksDown }: SegResNetShape) {
    const block = resBlocks(groupNorms);
    this.init = scope.at('convInit.conv').convNoBias(inChannels, initFilters, 3);
    this.levels = blocksDown.map((count, level) => {
      const at = scope.at(`down_layers.${level}`);
      const channels = initFilters * 2 ** level;
      const down = level === 0 ? undefined : at.at('0.conv').convNoBias(channels / 2, channels, 3);
      const blocks = Array.from({ length: count }, (_, i) => block(at.at(`${i + 1}`), channels));
      return { ...(down && { down }), blocks };
    });
  }

  forward(x: tf.Tensor5D): tf.Tensor5D[] {
    const features: tf.Tensor5D[] = [];
    let state = conv3d(x, this.init.weight.get(), { padding: 1 });
    for (const { down, blocks } of this.levels) {
      if (down) state = conv3d(state, down.weight.get(), { padding: 1, stride: 2 });
      state = inRow(blocks, state);
      features.push(state);
    }
    return features;
  }
}

interface Up {
  narrow: ConvParameters;
  deconv?: ConvParameters;
}

/** `up_layers`, `up_samples` and `conv_final`: one output, at full resolution. */
export class SegResNetDecoder implements Decoder {
  private readonly blocks: ResidualBlock[][];
  private readonly ups: Up[];
  private readonly norm: Norm;
  private readonly final: ConvParameters;

  constructor(scope: Scope, shape: SegResNetDecoderShape, outChannels: number) {
    const { initFilters, blocksUp, upsampling } = shape;
    const block = resBlocks(groupNorms);
    const channels = blocksUp.map((_, i) => initFilters * 2 ** (blocksUp.length - 1 - i));
    this.blocks = blocksUp.map((count, i) =>
      Array.from({ length: count }, (_, j) => block(scope.at(`up_layers.${i}.${j}`), channels[i]!)),
    );
    this.ups = channels.map((width, i) => {
      const at = scope.at(`up_samples.${i}`);
      const narrow = at.at('0.conv').convNoBias(2 * width, width, 1);
      return upsampling === 'deconv'
        ? { narrow, deconv: at.at('1.deconv').convTranspose(width, width, 2, true) }
        : { narrow };
    });
    this.norm = groupNorms(scope.at('conv_final.0'), initFilters);
    this.final = scope.at('conv_final.2.conv').conv(initFilters, outChannels, 1, true);
  }

  states(features: readonly tf.Tensor5D[]): tf.Tensor5D[] {
    const states: tf.Tensor5D[] = [];
    this.ups.forEach((up, i) => {
      const skip = features[features.length - 2 - i]!;
      const joined = tf.tidy(() => addResidual(enlarged(states.at(-1) ?? features.at(-1)!, up), skip));
      states.push(inRow(this.blocks[i]!, joined));
    });
    return states;
  }

  outputs(states: readonly tf.Tensor5D[]): tf.Tensor5D[] {
    const bias = this.final.bias!.get<tf.Tensor1D>();
    return [conv3d(this.norm.forward(states.at(-1)!, RELU), this.final.weight.get(), { bias })];
  }
}

/** Half the channels at twice the resolution. */
function enlarged(x: tf.Tensor5D, { narrow, deconv }: Up): tf.Tensor5D {
  const narrowed = conv3d(x, narrow.weight.get());
  if (!deconv) return upsample(narrowed);
  return convTranspose3d(narrowed, deconv.weight.get(), { stride: 2, bias: deconv.bias!.get<tf.Tensor1D>() });
}

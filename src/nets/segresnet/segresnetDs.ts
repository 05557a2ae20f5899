import { addResidual, conv3d, convTranspose3d } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import type { ConvParameters, Scope } from '../layers';
import { batchNorms, inRow, segResBlocks, type ResidualBlock } from './blocks';
import type { Trunk } from '../described';
import type { Decoder } from './network';

/** What of a configuration MONAI's SegResNetDS is made of. */
export interface SegResNetDsShape {
  readonly inChannels: number;
  readonly initFilters: number;
  readonly blocksDown: readonly number[];
  readonly freezeStatistics: boolean;
}

export interface SegResNetDsDecoderShape extends SegResNetDsShape {
  /** Residual blocks of each level, from coarse to fine. */
  readonly blocksUp: readonly number[];
  /** Levels of the decoder that have an output, from the finest on; default 1. */
  readonly dsdepth?: number;
}

/** `encoder.*`, MONAI's SegResEncoder (networks/nets/segresnet_ds.py): features of every level, before any norm. */
export class SegResEncoderTrunk implements Trunk {
  private readonly init: ConvParameters;
  private readonly levels: { blocks: ResidualBlock[]; down?: ConvParameters }[];

  constructor(scope: Scope, shape: SegResNetDsShape) {
    const { inChannels, initFilters, blocksDown } = shape;
    const block = segResBlocks(batchNorms(shape));
    const encoder = scope.at('encoder');
    this.init = encoder.at('conv_init').convNoBias(inChannels, initFilters, 3);
    this.levels = blocksDown.map((count, level) => {
      const at = encoder.at(`layers.${level}`);
      const channels = initFilters * 2 ** level;
      const blocks = Array.from({ length: count }, (_, i) => block(at.at(`blocks.${i}`), channels));
      const last = level === blocksDown.length - 1;
      return { blocks, ...(!last && { down: at.at('downsample').convNoBias(channels, 2 * channels, 3) }) };
    });
  }

  forward(x: tf.Tensor5D): tf.Tensor5D[] {
    const features: tf.Tensor5D[] = [];
    let state = conv3d(x, this.init.weight.get(), { padding: 1 });
    for (const { blocks, down } of this.levels) {
      state = inRow(blocks, state);
      features.push(state);
      if (down) state = conv3d(state, down.weight.get(), { padding: 1, stride: 2 });
    }
    return features;
  }
}

interface Level {
  readonly up: ConvParameters;
  readonly blocks: readonly ResidualBlock[];
  readonly head?: ConvParameters;
}

/** `up_layers.*`: an output at each of the finest levels, the one at full resolution first. */
export class SegResNetDsDecoder implements Decoder {
  private readonly levels: Level[];

  constructor(scope: Scope, shape: SegResNetDsDecoderShape, outChannels: number) {
    const { initFilters, blocksUp, dsdepth = 1 } = shape;
    const block = segResBlocks(batchNorms(shape));
    this.levels = blocksUp.map((count, i) => {
      const at = scope.at(`up_layers.${i}`);
      const channels = initFilters * 2 ** (blocksUp.length - 1 - i);
      const up = at.at('upsample.deconv').convTranspose(2 * channels, channels, 3);
      const blocks = Array.from({ length: count }, (_, j) => block(at.at(`blocks.${j}`), channels));
      const answers = blocksUp.length - i <= dsdepth;
      return { up, blocks, ...(answers && { head: at.at('head').conv(channels, outChannels, 1, true) }) };
    });
  }

  states(features: readonly tf.Tensor5D[]): tf.Tensor5D[] {
    const states: tf.Tensor5D[] = [];
    this.levels.forEach(({ up, blocks }, i) => {
      const skip = features[features.length - 2 - i]!;
      const joined = tf.tidy(() => addResidual(enlarged(states.at(-1) ?? features.at(-1)!, up), skip));
      states.push(inRow(blocks, joined));
    });
    return states;
  }

  outputs(states: readonly tf.Tensor5D[]): tf.Tensor5D[] {
    return this.levels
      .flatMap(({ head }, i) =>
        head ? [conv3d(states[i]!, head.weight.get(), { bias: head.bias!.get<tf.Tensor1D>() })] : [],
      )
      .reverse();
  }
}

/** Half the channels at twice the resolution. */
const enlarged = (x: tf.Tensor5D, { weight }: ConvParameters): tf.Tensor5D =>
  convTranspose3d(x, weight.get(), { stride: 2, padding: 1, outputPadding: 1 });

import type { Vec3 } from '../../geometry';
import { conv3d, convTranspose3d } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { SLOPE } from '../blocks';
import { Scope, type ConvParameters } from '../layers';
import { DescribedNetwork, TrunkEncoder } from '../described';
import type { ParameterSetOptions } from '../parameters';
import type { Scale, VisibleSegmenter } from '../types';
import type { VisibleVoxels } from '../visible';
import { Block, Unit } from './blocks';
import { resencUnet, type ResEncSection } from './descriptor';
import { stagesOf, stepsOf, type Stage } from './topology';

/** The stem and the stages: `encoder.stem.convs.0.*`, `encoder.stages.<stage>.blocks.<block>.*`. */
class ResEncTrunk {
  private readonly stem: Unit;
  private readonly stages: readonly (Stage & { readonly layers: readonly Block[] })[];

  constructor(scope: Scope, section: ResEncSection) {
    const stages = stagesOf(section);
    const bias = section.convBias;
    const [first] = stages;
    this.stem = new Unit(scope.at('encoder.stem.convs.0'), {
      inChannels: section.inChannels,
      outChannels: first!.channels,
      kernel: first!.kernel,
      bias,
    });
    this.stages = stages.map((stage, i) => {
      const before = stages[Math.max(0, i - 1)]!.channels;
      const layers = Array.from({ length: stage.blocks }, (_, block) => {
        const own = block === 0 ? { inChannels: before, stride: stage.stride } : { inChannels: stage.channels };
        const at = scope.at(`encoder.stages.${i}.blocks.${block}`);
        return new Block(at, { ...own, outChannels: stage.channels, kernel: stage.kernel, bias });
      });
      return { ...stage, layers };
    });
  }

  /** @param visible voxels that may be seen; default: all */
  forward(x: tf.Tensor5D, visible?: VisibleVoxels): tf.Tensor5D[] {
    const features: tf.Tensor5D[] = [];
    let state = this.stem.forward(x, { slope: SLOPE, visible: visible?.at([1, 1, 1]) });
    for (const { layers, total } of this.stages) {
      const seen = visible?.at(total);
      for (const layer of layers) state = layer.forward(state, seen);
      features.push(state);
    }
    return features;
  }
}

const scalesOf = (section: ResEncSection): Scale[] =>
  stagesOf(section).map(({ channels, total }) => ({ channels, stride: total }));

/** The encoder of nnU-Net's ResidualEncoderUNet, with the features of all of its stages. */
export class ResEncEncoder extends TrunkEncoder<ResEncSection> {
  constructor(section: ResEncSection, init: ParameterSetOptions) {
    super(resencUnet, section, init, scalesOf(section), (scope) => new ResEncTrunk(scope, section));
  }
}

interface DecoderStep {
  readonly up: ConvParameters;
  readonly stride: Vec3;
  readonly convs: readonly Unit[];
}

/**
 * nnU-Net's ResidualEncoderUNet (dynamic-network-architectures 0.4.4). After the encoder's names, each list from the deepest step on:
 * `decoder.stages.<step>.convs.<conv>.*`, `decoder.transpconvs.<step>.*`, `decoder.seg_layers.<step>.*`. There is a last layer for every
 * resolution; {@link forward} uses that of the finest, as without deep supervision.
 */
export class ResEncUnet extends DescribedNetwork<ResEncSection> implements VisibleSegmenter {
  readonly scales: readonly Scale[];
  private readonly trunk: ResEncTrunk;
  private readonly steps: readonly DecoderStep[];
  private readonly outputs: readonly ConvParameters[];

  constructor(
    section: ResEncSection,
    readonly outChannels: number,
    init: ParameterSetOptions,
  ) {
    super(resencUnet, section, init);
    this.scales = scalesOf(section);
    const scope = new Scope(this.parameters);
    this.trunk = new ResEncTrunk(scope, section);
    const steps = stepsOf(section);
    const bias = section.convBias;
    const convs = steps.map(({ stage, convs: count }, i) =>
      Array.from({ length: count }, (_, conv) => {
        const inChannels = conv === 0 ? 2 * stage.channels : stage.channels;
        const at = scope.at(`decoder.stages.${i}.convs.${conv}`);
        return new Unit(at, { inChannels, outChannels: stage.channels, kernel: stage.kernel, bias });
      }),
    );
    this.steps = steps.map(({ stage, inChannels, up }, i) => ({
      up: scope.at(`decoder.transpconvs.${i}`).convTranspose(inChannels, stage.channels, up, bias),
      stride: up,
      convs: convs[i]!,
    }));
    this.outputs = steps.map(({ stage }, i) =>
      scope.at(`decoder.seg_layers.${i}`).conv(stage.channels, outChannels, 1, true),
    );
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    this.checkInput(x);
    return tf.tidy(() => this.decode(this.trunk.forward(x)));
  }

  /** Logits of every resolution of the decoder, the finest first, as with deep supervision. */
  logitsOfScales(x: tf.Tensor5D): tf.Tensor5D[] {
    this.checkInput(x);
    return tf.tidy(() => {
      const states: tf.Tensor5D[] = [];
      this.climb(this.trunk.forward(x), (state) => states.push(state));
      return states.map((state, i) => this.logits(state, i)).reverse();
    });
  }

  /** Features of every stage of the encoder. */
  encode(x: tf.Tensor5D): tf.Tensor5D[] {
    this.checkInput(x);
    return tf.tidy(() => this.trunk.forward(x));
  }

  encodeVisible(x: tf.Tensor5D, visible: VisibleVoxels): tf.Tensor5D[] {
    this.checkInput(x);
    return tf.tidy(() => this.trunk.forward(x, visible));
  }

  decode(features: readonly tf.Tensor5D[]): tf.Tensor5D {
    return tf.tidy(() => this.logits(this.climb(features), this.steps.length - 1));
  }

  /** The decoder's features at full resolution; `visit` gets those of each step. */
  private climb(features: readonly tf.Tensor5D[], visit?: (state: tf.Tensor5D) => void): tf.Tensor5D {
    let state = features.at(-1)!;
    this.steps.forEach(({ up, stride, convs }, i) => {
      const skip = features[features.length - 2 - i]!;
      const raised = convTranspose3d(state, up.weight.get(), { stride, bias: up.bias?.get<tf.Tensor1D>() });
      state = tf.concat([raised, skip], 4);
      for (const conv of convs) state = conv.forward(state, { slope: SLOPE });
      visit?.(state);
    });
    return state;
  }

  private logits(state: tf.Tensor5D, step: number): tf.Tensor5D {
    const { weight, bias } = this.outputs[step]!;
    return conv3d(state, weight.get(), { bias: bias!.get<tf.Tensor1D>() });
  }
}

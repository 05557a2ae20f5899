import { mapAxes } from '../../geometry';
import * as tf from '../../tensor/tf';
import { Scope } from '../layers';
import { DescribedNetwork, TrunkEncoder, type Trunk } from '../described';
import type { ParameterSetOptions } from '../parameters';
import type { Scale, Segmenter } from '../types';
import { segresnet, type SegResNetSection } from './descriptor';
import { SegResNetDecoder, SegResNetTrunk } from './segresnet';
import { SegResEncoderTrunk, SegResNetDsDecoder } from './segresnetDs';

export interface Decoder {
  /** What each level makes of the encoder's features, from coarse to fine. */
  states(features: readonly tf.Tensor5D[]): tf.Tensor5D[];
  /** The outputs from these, the one at full resolution first. */
  outputs(states: readonly tf.Tensor5D[]): tf.Tensor5D[];
}

function trunkOf(scope: Scope, section: SegResNetSection): Trunk {
  return section.variant === 'ct-fm' ? new SegResEncoderTrunk(scope, section) : new SegResNetTrunk(scope, section);
}

function decoderOf(scope: Scope, section: SegResNetSection, outChannels: number): Decoder {
  const shape = { ...section, blocksUp: upOf(section) };
  return section.variant === 'ct-fm'
    ? new SegResNetDsDecoder(scope, shape, outChannels)
    : new SegResNetDecoder(scope, shape, outChannels);
}

/** Blocks of each level of the decoder, which has one level less than the encoder. */
const upOf = ({ blocksDown, blocksUp }: SegResNetSection): number[] => blocksDown.slice(1).map(() => blocksUp);

const scalesOf = ({ initFilters, blocksDown }: SegResNetSection): Scale[] =>
  blocksDown.map((_, level) => ({ channels: initFilters * 2 ** level, stride: mapAxes(() => 2 ** level) }));

/** Encoder of a SegResNet. Names: see {@link SegResNet}. */
export class SegResNetEncoder extends TrunkEncoder<SegResNetSection> {
  constructor(section: SegResNetSection, init: ParameterSetOptions) {
    super(segresnet, section, init, scalesOf(section), (scope) => trunkOf(scope, section));
  }
}

/**
 * SegResNet for segmentation (Myronenko 2018) in the two forms of MONAI, names and shapes of weights included: SegResNet (variant
 * `suprem`) and SegResNetDS with its SegResEncoder (`ct-fm`).
 */
export class SegResNet extends DescribedNetwork<SegResNetSection> implements Segmenter {
  private readonly trunk: Trunk;
  private readonly decoder: Decoder;

  constructor(
    section: SegResNetSection,
    readonly outChannels: number,
    init: ParameterSetOptions,
  ) {
    super(segresnet, section, init);
    const scope = new Scope(this.parameters);
    this.trunk = trunkOf(scope, section);
    this.decoder = decoderOf(scope, section, outChannels);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    this.checkInput(x);
    return tf.tidy(() => this.decoder.outputs(this.decoder.states(this.trunk.forward(x)))[0]!);
  }
}

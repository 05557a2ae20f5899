import { mapAxes, type Vec3 } from '../../geometry';
import * as tf from '../../tensor/tf';
import { pooledSizeOf, poolAll } from '../blocks';
import { checkInputSize } from '../inputSize';
import { Scope } from '../layers';
import { ParameterSet, type ParameterSetOptions } from '../parameters';
import type { Encoder, Scale, Segmenter } from '../types';
import { segresnet, type SegResNetSection } from './descriptor';
import { SegResNetDecoder, SegResNetTrunk } from './segresnet';
import { SegResEncoderTrunk, SegResNetDsDecoder } from './segresnetDs';

/** The part that pre-training learns. */
export interface Trunk {
  /** Features of every level, from fine to coarse. */
  forward(x: tf.Tensor5D): tf.Tensor5D[];
}

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

const sizeOf = (x: tf.Tensor5D): Vec3 => [x.shape[1], x.shape[2], x.shape[3]];

/** Encoder of a SegResNet. Names: see {@link SegResNet}. */
export class SegResNetEncoder implements Encoder {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  readonly scales: readonly Scale[];
  readonly pooledSize: number;
  private readonly trunk: Trunk;

  constructor(
    private readonly section: SegResNetSection,
    init: ParameterSetOptions,
  ) {
    const { inChannels, initFilters, blocksDown } = section;
    this.parameters = new ParameterSet(init);
    this.inChannels = inChannels;
    this.scales = blocksDown.map((_, level) => ({
      channels: initFilters * 2 ** level,
      stride: mapAxes(() => 2 ** level),
    }));
    this.pooledSize = pooledSizeOf(this.scales);
    this.trunk = trunkOf(new Scope(this.parameters), section);
  }

  checkSize(size: Vec3): void {
    checkInputSize(segresnet, this.section, size);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D[] {
    this.checkSize(sizeOf(x));
    return tf.tidy(() => this.trunk.forward(x));
  }

  pooled(x: tf.Tensor5D): tf.Tensor2D {
    return tf.tidy(() => poolAll(this.forward(x)));
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

/**
 * SegResNet for segmentation (Myronenko 2018) in the two forms of MONAI, names and shapes of weights included: SegResNet (variant
 * `suprem`) and SegResNetDS with its SegResEncoder (`ct-fm`).
 */
export class SegResNet implements Segmenter {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  private readonly trunk: Trunk;
  private readonly decoder: Decoder;

  constructor(
    private readonly section: SegResNetSection,
    readonly outChannels: number,
    init: ParameterSetOptions,
  ) {
    this.parameters = new ParameterSet(init);
    this.inChannels = section.inChannels;
    const scope = new Scope(this.parameters);
    this.trunk = trunkOf(scope, section);
    this.decoder = decoderOf(scope, section, outChannels);
  }

  checkSize(size: Vec3): void {
    checkInputSize(segresnet, this.section, size);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    this.checkSize(sizeOf(x));
    return tf.tidy(() => this.decoder.outputs(this.decoder.states(this.trunk.forward(x)))[0]!);
  }

  isEncoderParameter(name: string): boolean {
    return segresnet.stateDict.encoder.test(name);
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

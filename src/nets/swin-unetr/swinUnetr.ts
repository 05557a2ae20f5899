import { mapAxes } from '../../geometry';
import { UserError } from '../../errors/userError';
import * as tf from '../../tensor/tf';
import { globalAverage } from '../../tensor/ops';
import { OutBlock, pooledSizeOf, ResidualBlock, UpBlock } from '../blocks';
import { Scope } from '../layers';
import { DescribedNetwork } from '../described';
import type { ParameterSetOptions } from '../parameters';
import type { Scale, Segmenter, TokenEncoder } from '../types';
import { swinUnetr, type SwinSection } from './descriptor';
import { SwinTransformer } from './transformer';

/** The outputs of the transformer that the convolution encoders take (the fourth is a decoder's skip only). */
const ENCODED = [0, 1, 2, 4];
/** Multiples of the feature size, and voxels of the input along an axis, at each scale. */
const SCALES = [
  [1, 1],
  [1, 2],
  [2, 4],
  [4, 8],
  [16, 32],
] as const;

/** @throws UserError for a section that was not validated: whoever builds a network checks the rules of the descriptor */
function checkStages({ featureSize, depths, heads }: SwinSection): void {
  const whole = (values: readonly number[]): boolean => values.every((value) => Number.isInteger(value) && value >= 1);
  if (!whole([featureSize]))
    throw new UserError(`network.featureSize: ${featureSize} must be a whole number of at least 1`);
  for (const [key, values] of Object.entries({ depths, heads })) {
    if (values.length === 4 && whole(values)) continue;
    throw new UserError(
      `network.${key}: Swin-UNETR has four stages, so it needs four numbers of at least 1, not [${values.join(', ')}]`,
    );
  }
}

type Hide = (embeddings: tf.Tensor5D) => tf.Tensor5D;

/** swinViT and the residual blocks that VoCo pools: what pre-training learns. */
class SwinTrunk {
  private readonly transformer: SwinTransformer;
  private readonly encoders: ResidualBlock[];

  constructor(scope: Scope, section: SwinSection) {
    const f = section.featureSize;
    const block = (name: string, inChannels: number, outChannels: number) =>
      new ResidualBlock(scope.at(`${name}.layer`), inChannels, outChannels);
    this.transformer = new SwinTransformer(scope.at('swinViT'), section);
    this.encoders = [
      block('encoder1', section.inChannels, f),
      block('encoder2', f, f),
      block('encoder3', 2 * f, 2 * f),
      block('encoder4', 4 * f, 4 * f),
      block('encoder10', 16 * f, 16 * f),
    ];
  }

  /** The transformer's outputs, `wanted` of them. */
  hidden(x: tf.Tensor5D, wanted?: readonly number[]): (tf.Tensor5D | undefined)[] {
    return this.transformer.forward(x, wanted);
  }

  /** Channels F, F, 2F, 4F, 16F at strides 1, 2, 4, 8, 32. */
  encode(x: tf.Tensor5D, hidden: readonly (tf.Tensor5D | undefined)[]): tf.Tensor5D[] {
    const inputs = [x, hidden[0]!, hidden[1]!, hidden[2]!, hidden[4]!];
    return this.encoders.map((encoder, i) => encoder.forward(inputs[i]!));
  }

  /**
   * `use` of each output of {@link encode}. The block at full resolution goes first, so that its gradient, which takes the
   * most room, is computed last, when nothing else is kept any more.
   */
  each<T extends tf.Tensor>(x: tf.Tensor5D, use: (feature: tf.Tensor5D) => T, hide?: Hide): T[] {
    const used = (i: number, input: tf.Tensor5D): T => tf.tidy(() => use(this.encoders[i]!.forward(input)));
    const first = used(0, x);
    const hidden = this.transformer.forward(x, ENCODED, hide);
    return [first, ...ENCODED.map((state, i) => used(i + 1, hidden[state]!))];
  }
}

/** The VoCo student's encoder (authors' models/voco_head.py, class Swin, without its projector). */
export class SwinUnetrEncoder extends DescribedNetwork<SwinSection> implements TokenEncoder {
  readonly scales: readonly Scale[];
  readonly pooledSize: number;
  readonly tokens: Scale;
  private readonly trunk: SwinTrunk;

  constructor(section: SwinSection, init: ParameterSetOptions) {
    checkStages(section);
    super(swinUnetr, section, init);
    this.tokens = { channels: section.featureSize, stride: mapAxes(() => 2) };
    this.scales = SCALES.map(([multiple, stride]) => ({
      channels: multiple * section.featureSize,
      stride: mapAxes(() => stride),
    }));
    this.pooledSize = pooledSizeOf(this.scales);
    this.trunk = new SwinTrunk(new Scope(this.parameters), section);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D[] {
    this.checkInput(x);
    return tf.tidy(() => this.trunk.each(x, (feature) => feature));
  }

  forwardHiding(x: tf.Tensor5D, hide: Hide): tf.Tensor5D[] {
    this.checkInput(x);
    return tf.tidy(() => this.trunk.each(x, (feature) => feature, hide));
  }

  pooled(x: tf.Tensor5D): tf.Tensor2D {
    this.checkInput(x);
    return tf.tidy(() => tf.concat(this.trunk.each(x, globalAverage), 1));
  }
}

/** Swin-UNETR for segmentation (MONAI networks/nets/swin_unetr.py), names and shapes of weights included. */
export class SwinUnetr extends DescribedNetwork<SwinSection> implements Segmenter {
  private readonly trunk: SwinTrunk;
  private readonly decoders: UpBlock[];
  private readonly out: OutBlock;

  constructor(
    section: SwinSection,
    readonly outChannels: number,
    init: ParameterSetOptions,
  ) {
    checkStages(section);
    const f = section.featureSize;
    super(swinUnetr, section, init);
    const scope = new Scope(this.parameters);
    this.trunk = new SwinTrunk(scope, section);
    this.decoders = [
      new UpBlock(scope.at('decoder5'), 16 * f, 8 * f),
      new UpBlock(scope.at('decoder4'), 8 * f, 4 * f),
      new UpBlock(scope.at('decoder3'), 4 * f, 2 * f),
      new UpBlock(scope.at('decoder2'), 2 * f, f),
      new UpBlock(scope.at('decoder1'), f, f),
    ];
    this.out = new OutBlock(scope.at('out'), f, outChannels);
  }

  /** The five layer-normed outputs of swinViT, as MONAI's `swinViT(x, normalize=True)`. */
  hiddenStates(x: tf.Tensor5D): tf.Tensor5D[] {
    this.checkInput(x);
    return this.trunk.hidden(x).map((state) => state!);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => this.decode(x, this.hiddenStates(x)));
  }

  /** Logits from the input and its {@link hiddenStates}. */
  decode(x: tf.Tensor5D, hidden: readonly tf.Tensor5D[]): tf.Tensor5D {
    return tf.tidy(() => {
      const [enc0, enc1, enc2, enc3, bottleneck] = this.trunk.encode(x, hidden);
      const skips = [hidden[3]!, enc3!, enc2!, enc1!, enc0!];
      const decoded = this.decoders.reduce((state, decoder, i) => decoder.forward(state, skips[i]!), bottleneck!);
      return this.out.forward(decoded);
    });
  }
}

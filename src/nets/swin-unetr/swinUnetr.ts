import type { Vec3 } from '../../geometry';
import { UserError } from '../../errors/userError';
import * as tf from '../../tensor/tf';
import { globalAverage } from '../../tensor/ops';
import { OutBlock, ResidualBlock, UpBlock } from '../blocks';
import { Scope } from '../layers';
import { ParameterSet, type ParameterSetOptions } from '../parameters';
import type { Encoder, Segmenter } from '../types';
import { SwinTransformer, type SwinOptions } from './transformer';
import { formatSize } from '../../text';

/** Voxels per token at the bottleneck: five halvings. */
const STRIDE = 32;
/** The outputs of the transformer that the convolution encoders take (the fourth is a decoder's skip only). */
const ENCODED = [0, 1, 2, 4];

/** @throws UserError for a feature size, depths or heads that Swin-UNETR cannot be built with. */
export function checkSwinOptions(options: SwinOptions): void {
  const { featureSize, depths, heads } = options;
  if (!Number.isInteger(featureSize) || featureSize < 12 || featureSize % 12 !== 0) {
    throw new UserError(`network.featureSize: ${featureSize} is not a multiple of 12, which Swin-UNETR needs`);
  }
  if (depths.length !== 4 || heads.length !== 4) {
    throw new UserError('network.depths and network.heads: Swin-UNETR has four stages, so each needs four numbers');
  }
  if (depths.some((depth) => !Number.isInteger(depth) || depth < 1)) {
    throw new UserError(`network.depths: [${depths.join(', ')}] must be whole numbers of at least 1`);
  }
  heads.forEach((count, i) => {
    const channels = featureSize * 2 ** i;
    if (!Number.isInteger(count) || count < 1 || channels % count !== 0) {
      throw new UserError(
        `network.heads[${i}]: ${count} heads do not divide the ${channels} channels of stage ${i + 1}`,
      );
    }
  });
}

/** @throws UserError for a size that Swin-UNETR's five halvings cannot take. */
export function checkSwinSize(size: Vec3): void {
  const shape = formatSize(size);
  if (size.some((axis) => !Number.isInteger(axis) || axis < STRIDE || axis % STRIDE !== 0)) {
    throw new UserError(`input size ${shape}: every axis must be a multiple of ${STRIDE} voxels for Swin-UNETR`);
  }
  if (size.every((axis) => axis === STRIDE)) {
    throw new UserError(
      `input size ${shape}: too small for Swin-UNETR, whose instance norm would see one voxel at the bottleneck; ` +
        `use at least ${2 * STRIDE} voxels along one axis`,
    );
  }
}

/** swinViT and the residual blocks that VoCo pools: what pre-training learns. */
class SwinTrunk {
  private readonly transformer: SwinTransformer;
  private readonly encoders: ResidualBlock[];

  constructor(scope: Scope, options: SwinOptions) {
    const f = options.featureSize;
    const block = (name: string, inChannels: number, outChannels: number) =>
      new ResidualBlock(scope.at(`${name}.layer`), inChannels, outChannels);
    this.transformer = new SwinTransformer(scope.at('swinViT'), options);
    this.encoders = [
      block('encoder1', options.inChannels, f),
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
  each<T extends tf.Tensor>(x: tf.Tensor5D, use: (feature: tf.Tensor5D) => T): T[] {
    const used = (i: number, input: tf.Tensor5D): T => tf.tidy(() => use(this.encoders[i]!.forward(input)));
    const first = used(0, x);
    const hidden = this.hidden(x, ENCODED);
    return [first, ...ENCODED.map((state, i) => used(i + 1, hidden[state]!))];
  }
}

/** The VoCo student's encoder (authors' models/voco_head.py, class Swin, without its projector). */
export class SwinUnetrEncoder implements Encoder {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  readonly pooledSize: number;
  private readonly trunk: SwinTrunk;

  constructor(options: SwinOptions, init: ParameterSetOptions) {
    checkSwinOptions(options);
    this.parameters = new ParameterSet(init);
    this.inChannels = options.inChannels;
    this.pooledSize = 24 * options.featureSize;
    this.trunk = new SwinTrunk(new Scope(this.parameters), options);
  }

  checkSize(size: Vec3): void {
    checkSwinSize(size);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D[] {
    checkSwinSize([x.shape[1], x.shape[2], x.shape[3]]);
    return tf.tidy(() => this.trunk.each(x, (feature) => feature));
  }

  pooled(x: tf.Tensor5D): tf.Tensor2D {
    checkSwinSize([x.shape[1], x.shape[2], x.shape[3]]);
    return tf.tidy(() => tf.concat(this.trunk.each(x, globalAverage), 1));
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

/** Swin-UNETR for segmentation (MONAI networks/nets/swin_unetr.py), names and shapes of weights included. */
export class SwinUnetr implements Segmenter {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  private readonly trunk: SwinTrunk;
  private readonly decoders: UpBlock[];
  private readonly out: OutBlock;

  constructor(
    options: SwinOptions,
    readonly outChannels: number,
    init: ParameterSetOptions,
  ) {
    checkSwinOptions(options);
    const f = options.featureSize;
    this.parameters = new ParameterSet(init);
    this.inChannels = options.inChannels;
    const scope = new Scope(this.parameters);
    this.trunk = new SwinTrunk(scope, options);
    this.decoders = [
      new UpBlock(scope.at('decoder5'), 16 * f, 8 * f),
      new UpBlock(scope.at('decoder4'), 8 * f, 4 * f),
      new UpBlock(scope.at('decoder3'), 4 * f, 2 * f),
      new UpBlock(scope.at('decoder2'), 2 * f, f),
      new UpBlock(scope.at('decoder1'), f, f),
    ];
    this.out = new OutBlock(scope.at('out'), f, outChannels);
  }

  checkSize(size: Vec3): void {
    checkSwinSize(size);
  }

  /** The five layer-normed outputs of swinViT, as MONAI's `swinViT(x, normalize=True)`. */
  hiddenStates(x: tf.Tensor5D): tf.Tensor5D[] {
    checkSwinSize([x.shape[1], x.shape[2], x.shape[3]]);
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

  isEncoderParameter(name: string): boolean {
    return /^(swinViT|encoder\d+)\./.test(name);
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

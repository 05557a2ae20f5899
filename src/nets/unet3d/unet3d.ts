import type { Vec3 } from '../../geometry';
import { UserError } from '../../errors/userError';
import { conv3d, convTranspose3d, instanceNorm } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { poolAll, SLOPE } from '../blocks';
import { Scope, type ConvParameters } from '../layers';
import { ParameterSet, type ParameterSetOptions } from '../parameters';
import type { Encoder, Segmenter } from '../types';
import { formatSize } from '../../text';

const LEVELS = 5;
const STRIDE = 2 ** (LEVELS - 1);

export interface UnetOptions {
  inChannels: number;
  /** Channels of the first level; each of the five levels has twice those of the one before. */
  featureSize: number;
}

/** Two times convolution 3³ – instance norm – leaky ReLU; the first may halve the resolution. */
class DoubleConv {
  private readonly conv1: ConvParameters;
  private readonly conv2: ConvParameters;

  constructor(
    scope: Scope,
    inChannels: number,
    outChannels: number,
    private readonly stride: 1 | 2,
  ) {
    this.conv1 = scope.at('conv1').conv(inChannels, outChannels, 3);
    this.conv2 = scope.at('conv2').conv(outChannels, outChannels, 3);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const first = conv3d(x, this.conv1.weight.get(), { padding: 1, stride: this.stride });
      const inner = instanceNorm(first, { slope: SLOPE });
      return instanceNorm(conv3d(inner, this.conv2.weight.get(), { padding: 1 }), { slope: SLOPE });
    });
  }
}

/** Encoder levels `encoder.0` … `encoder.4` at strides 1, 2, 4, 8, 16. */
class UnetTrunk {
  private readonly levels: DoubleConv[];

  constructor(scope: Scope, options: UnetOptions) {
    this.levels = Array.from({ length: LEVELS }, (_, level) => {
      const channels = options.featureSize * 2 ** level;
      const before = level === 0 ? options.inChannels : channels / 2;
      return new DoubleConv(scope.at(`encoder.${level}`), before, channels, level === 0 ? 1 : 2);
    });
  }

  forward(x: tf.Tensor5D): tf.Tensor5D[] {
    const features: tf.Tensor5D[] = [];
    for (const level of this.levels) features.push(level.forward(features.at(-1) ?? x));
    return features;
  }
}

function checkUnetOptions({ featureSize }: UnetOptions): void {
  if (Number.isInteger(featureSize) && featureSize >= 1) return;
  throw new UserError(`network.featureSize: ${featureSize} must be a whole number of at least 1`);
}

function checkUnetSize(size: Vec3): void {
  const shape = formatSize(size);
  if (size.some((axis) => !Number.isInteger(axis) || axis < STRIDE || axis % STRIDE !== 0)) {
    throw new UserError(`input size ${shape}: every axis must be a multiple of ${STRIDE} voxels for the 3D U-Net`);
  }
  if (size.every((axis) => axis === STRIDE)) {
    throw new UserError(
      `input size ${shape}: too small for the 3D U-Net, whose instance norm would see one voxel at the bottleneck; ` +
        `use at least ${2 * STRIDE} voxels along one axis`,
    );
  }
}

/**
 * Encoder of a 3D U-Net (Çiçek et al. 2016, with strided convolutions, instance norm and leaky ReLU as in nnU-Net): five
 * levels with F, 2F, 4F, 8F, 16F channels. Names: `encoder.<level>.conv1.weight`, `encoder.<level>.conv2.weight`.
 */
export class UnetEncoder implements Encoder {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  readonly pooledSize: number;
  private readonly trunk: UnetTrunk;

  constructor(options: UnetOptions, init: ParameterSetOptions) {
    checkUnetOptions(options);
    this.parameters = new ParameterSet(init);
    this.inChannels = options.inChannels;
    this.pooledSize = options.featureSize * (2 ** LEVELS - 1);
    this.trunk = new UnetTrunk(new Scope(this.parameters), options);
  }

  checkSize(size: Vec3): void {
    checkUnetSize(size);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D[] {
    checkUnetSize([x.shape[1], x.shape[2], x.shape[3]]);
    return tf.tidy(() => this.trunk.forward(x));
  }

  pooled(x: tf.Tensor5D): tf.Tensor2D {
    return tf.tidy(() => poolAll(this.forward(x)));
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

interface UnetDecoder {
  up: ConvParameters;
  convs: DoubleConv;
}

/**
 * 3D U-Net for segmentation. After the encoder's names: `decoder.<level>.up.weight`, `decoder.<level>.conv1.weight`,
 * `decoder.<level>.conv2.weight` for levels 3 to 0, `out.weight`, `out.bias`.
 */
export class Unet implements Segmenter {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  private readonly trunk: UnetTrunk;
  private readonly decoders: UnetDecoder[];
  private readonly out: ConvParameters;

  constructor(
    options: UnetOptions,
    readonly outChannels: number,
    init: ParameterSetOptions,
  ) {
    checkUnetOptions(options);
    this.parameters = new ParameterSet(init);
    this.inChannels = options.inChannels;
    const scope = new Scope(this.parameters);
    this.trunk = new UnetTrunk(scope, options);
    this.decoders = Array.from({ length: LEVELS - 1 }, (_, i) => {
      const level = LEVELS - 2 - i;
      const channels = options.featureSize * 2 ** level;
      const at = scope.at(`decoder.${level}`);
      return {
        up: at.at('up').convTranspose(2 * channels, channels, 2),
        convs: new DoubleConv(at, 2 * channels, channels, 1),
      };
    });
    this.out = scope.at('out').conv(options.featureSize, outChannels, 1, true);
  }

  checkSize(size: Vec3): void {
    checkUnetSize(size);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    checkUnetSize([x.shape[1], x.shape[2], x.shape[3]]);
    return tf.tidy(() => {
      const features = this.trunk.forward(x);
      let state = features[LEVELS - 1]!;
      this.decoders.forEach(({ up, convs }, i) => {
        const skip = features[LEVELS - 2 - i]!;
        const joined = tf.concat([convTranspose3d(state, up.weight.get(), { stride: 2 }), skip], 4);
        state = convs.forward(joined);
      });
      return conv3d(state, this.out.weight.get(), { bias: this.out.bias!.get<tf.Tensor1D>() });
    });
  }

  isEncoderParameter(name: string): boolean {
    return name.startsWith('encoder.');
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

import { mapAxes } from '../../geometry';
import { UserError } from '../../errors/userError';
import { conv3d, convTranspose3d, instanceNorm } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { SLOPE } from '../blocks';
import { Scope, type ConvParameters } from '../layers';
import { DescribedNetwork, TrunkEncoder } from '../described';
import type { ParameterSetOptions } from '../parameters';
import type { Scale, VisibleSegmenter } from '../types';
import { visibleNorm, type VisibleVoxels } from '../visible';
import { unet3d, type UnetSection } from './descriptor';

const LEVELS = 5;

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

  /** @param visible of the output, `[N, X, Y, Z, 1]`: other voxels take no part in norms and come out as 0 */
  forward(x: tf.Tensor5D, visible?: tf.Tensor5D): tf.Tensor5D {
    const norm = (y: tf.Tensor5D): tf.Tensor5D =>
      visible ? visibleNorm(y, visible, SLOPE) : instanceNorm(y, { slope: SLOPE });
    return tf.tidy(() => {
      const inner = norm(conv3d(x, this.conv1.weight.get(), { padding: 1, stride: this.stride }));
      return norm(conv3d(inner, this.conv2.weight.get(), { padding: 1 }));
    });
  }
}

/** Encoder levels `encoder.0` … `encoder.4` at strides 1, 2, 4, 8, 16. */
class UnetTrunk {
  private readonly levels: DoubleConv[];

  constructor(scope: Scope, section: UnetSection) {
    this.levels = Array.from({ length: LEVELS }, (_, level) => {
      const channels = section.featureSize * 2 ** level;
      const before = level === 0 ? section.inChannels : channels / 2;
      return new DoubleConv(scope.at(`encoder.${level}`), before, channels, level === 0 ? 1 : 2);
    });
  }

  /** @param visible voxels that may be seen; default: all */
  forward(x: tf.Tensor5D, visible?: VisibleVoxels): tf.Tensor5D[] {
    const features: tf.Tensor5D[] = [];
    this.levels.forEach((level, i) => {
      features.push(level.forward(features.at(-1) ?? x, visible?.at(mapAxes(() => 2 ** i))));
    });
    return features;
  }
}

const scalesOf = ({ featureSize }: UnetSection): Scale[] =>
  Array.from({ length: LEVELS }, (_, level) => ({
    channels: featureSize * 2 ** level,
    stride: mapAxes(() => 2 ** level),
  }));

function checkFeatureSize({ featureSize }: UnetSection): void {
  if (Number.isInteger(featureSize) && featureSize >= 1) return;
  throw new UserError(`network.featureSize: ${featureSize} must be a whole number of at least 1`);
}

/**
 * Encoder of a 3D U-Net (Çiçek et al. 2016, with strided convolutions, instance norm and leaky ReLU as in nnU-Net): five
 * levels with F, 2F, 4F, 8F, 16F channels. Names: `encoder.<level>.conv1.weight`, `encoder.<level>.conv2.weight`.
 */
export class UnetEncoder extends TrunkEncoder<UnetSection> {
  constructor(section: UnetSection, init: ParameterSetOptions) {
    checkFeatureSize(section);
    super(unet3d, section, init, scalesOf(section), (scope) => new UnetTrunk(scope, section));
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
export class Unet extends DescribedNetwork<UnetSection> implements VisibleSegmenter {
  readonly scales: readonly Scale[];
  private readonly trunk: UnetTrunk;
  private readonly decoders: UnetDecoder[];
  private readonly out: ConvParameters;

  constructor(
    section: UnetSection,
    readonly outChannels: number,
    init: ParameterSetOptions,
  ) {
    checkFeatureSize(section);
    super(unet3d, section, init);
    this.scales = scalesOf(section);
    const scope = new Scope(this.parameters);
    this.trunk = new UnetTrunk(scope, section);
    this.decoders = Array.from({ length: LEVELS - 1 }, (_, i) => {
      const level = LEVELS - 2 - i;
      const channels = section.featureSize * 2 ** level;
      const at = scope.at(`decoder.${level}`);
      return {
        up: at.at('up').convTranspose(2 * channels, channels, 2),
        convs: new DoubleConv(at, 2 * channels, channels, 1),
      };
    });
    this.out = scope.at('out').conv(section.featureSize, outChannels, 1, true);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    this.checkInput(x);
    return tf.tidy(() => this.decode(this.trunk.forward(x)));
  }

  encodeVisible(x: tf.Tensor5D, visible: VisibleVoxels): tf.Tensor5D[] {
    this.checkInput(x);
    return tf.tidy(() => this.trunk.forward(x, visible));
  }

  decode(features: readonly tf.Tensor5D[]): tf.Tensor5D {
    return tf.tidy(() => {
      let state = features[LEVELS - 1]!;
      this.decoders.forEach(({ up, convs }, i) => {
        const skip = features[LEVELS - 2 - i]!;
        const joined = tf.concat([convTranspose3d(state, up.weight.get(), { stride: 2 }), skip], 4);
        state = convs.forward(joined);
      });
      return conv3d(state, this.out.weight.get(), { bias: this.out.bias!.get<tf.Tensor1D>() });
    });
  }
}

import type { Vec3 } from '../geometry';
import type * as tf from '../tensor/tf';
import type { ParameterSet } from './parameters';

/** The `network` section of a config. */
export interface NetworkConfig {
  name: 'swin-unetr' | 'unet3d';
  /** Channels at full resolution. Swin-UNETR: a multiple of 12. */
  featureSize: number;
  /** Swin-UNETR-V2: a residual convolution block before each stage. */
  useV2?: boolean;
  /** Blocks of each of Swin-UNETR's four stages; default 2, 2, 2, 2. */
  depths?: readonly number[];
  /** Attention heads of each stage; default 3, 6, 12, 24. */
  heads?: readonly number[];
  inChannels?: number;
}

/** What every network shares. Inputs are float32 [N, D, H, W, inChannels] on any backend. */
export interface Network {
  readonly inChannels: number;
  /** Parameters under the names of the torch state dict. */
  readonly parameters: ParameterSet;
  /** @throws UserError where a crop of this size cannot pass through the network. */
  checkSize(size: Vec3): void;
  dispose(): void;
}

/** A network that turns a crop into features at five scales. */
export interface Encoder extends Network {
  /** Length of the pooled feature vector: the sum of the channels of all scales. */
  readonly pooledSize: number;
  /** Features from fine to coarse. */
  forward(x: tf.Tensor5D): tf.Tensor5D[];
  /** Global average of every scale, concatenated from fine to coarse: [N, pooledSize]. */
  pooled(x: tf.Tensor5D): tf.Tensor2D;
}

/** A network that gives logits for every voxel. */
export interface Segmenter extends Network {
  readonly outChannels: number;
  /** Logits [N, D, H, W, outChannels]. */
  forward(x: tf.Tensor5D): tf.Tensor5D;
  /** Whether a parameter is part of what pre-training learns (for freezing, or another learning rate). */
  isEncoderParameter(name: string): boolean;
}

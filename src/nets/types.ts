import type { Vec3 } from '../geometry';
import type { LoweringTable } from '../onnx';
import type * as tf from '../tensor/tf';
import type { Cost } from './cost';
import type { NetworkSection } from './descriptor';
import type { ParameterSet, ParameterSetOptions } from './parameters';

/** What every network shares. Inputs are float32 [N, D, H, W, inChannels] on any backend. */
export interface Network {
  readonly inChannels: number;
  /** Parameters under the names of the torch state dict. */
  readonly parameters: ParameterSet;
  /** @throws UserError where a crop of this size cannot pass through the network. */
  checkSize(size: Vec3): void;
  dispose(): void;
}

/** One of the resolutions at which an encoder gives features. */
export interface Scale {
  readonly channels: number;
  /** Voxels of the input for each of the features', along each axis. */
  readonly stride: Vec3;
}

/** A network that turns a crop into features at one or more scales; tokens are features of one scale on their grid. */
export interface Encoder extends Network {
  /** From fine to coarse. */
  readonly scales: readonly Scale[];
  /** Length of the pooled feature vector: the sum of the channels of all scales. */
  readonly pooledSize: number;
  /** Features of every scale, [N, D / stride, H / stride, W / stride, channels]. */
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

/** The heavy half of a network: how it is built, and what it costs. `section` has every default filled in. */
export interface NetworkBuilder<Section extends NetworkSection = NetworkSection> {
  /** @throws UserError for options that no such network can have. */
  encoder(section: Section, init: ParameterSetOptions): Encoder;
  /** @throws UserError for options that no such network can have. */
  segmenter(section: Section, outChannels: number, init: ParameterSetOptions): Segmenter;
  /**
   * Adds up what a forward pass of one crop costs: of the encoder, or of the segmentation network where `outChannels` is given.
   *
   * @param size the crop as the network sees it, in voxels
   */
  cost(cost: Cost, section: Section, size: Vec3, outChannels?: number): void;
  /** How kernels that no other network calls are written as ONNX. */
  readonly lowerings?: LoweringTable;
}

import type { Vec3 } from '../geometry';
import type { LoweringTable } from '../onnx';
import type * as tf from '../tensor/tf';
import type { Cost } from './cost';
import type { NetworkSection } from './descriptor';
import type { ParameterSet, ParameterSetOptions } from './parameters';
import type { VisibleVoxels } from './visible';

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

/** A network with a decoder whose encoder can leave hidden voxels out, as sparse convolutions do (SparK). */
export interface VisibleSegmenter extends Segmenter {
  /** Of the encoder's features, from fine to coarse. */
  readonly scales: readonly Scale[];
  /**
   * Features of every scale of a crop [N, D, H, W, C] whose hidden voxels are 0: at scales no coarser than the mask's blocks they are 0
   * where nothing is visible, and depend on visible voxels alone.
   */
  encodeVisible(x: tf.Tensor5D, visible: VisibleVoxels): tf.Tensor5D[];
  /** The network's output from features of all scales. */
  decode(features: readonly tf.Tensor5D[]): tf.Tensor5D;
}

/** An encoder that cuts its input into patches and can hide some of them behind a learnt token (SimMIM). */
export interface TokenEncoder extends Encoder {
  /** Voxels of a patch along each axis, and channels of its embedding. */
  readonly tokens: Scale;
  /**
   * Features of every scale. @param hide replaces embeddings [N, D / stride, …, channels] of the patches
   */
  forwardHiding(x: tf.Tensor5D, hide: (embeddings: tf.Tensor5D) => tf.Tensor5D): tf.Tensor5D[];
}

/** A network with a decoder that cuts its input into patches and can hide some of them behind a learnt token (SimMIM). */
export interface TokenSegmenter extends Segmenter {
  /** Voxels of a patch along each axis, and channels of its embedding. */
  readonly tokens: Scale;
  /** The network's output. @param hide as in {@link TokenEncoder.forwardHiding} */
  forwardHiding(x: tf.Tensor5D, hide: (embeddings: tf.Tensor5D) => tf.Tensor5D): tf.Tensor5D;
}

/** A network whose encoder gets the visible patches alone, and a small decoder of tokens that only pre-training needs (MAE). */
export interface TokenAutoencoder {
  /** The segmentation network: its encoder is trained, and its decoder goes from tokens to voxels. */
  readonly network: Segmenter;
  /** Parameters of what lies between the two: a token in hidden places, their positions, and blocks on all tokens. */
  readonly between: ParameterSet;
  /** All voxels of crops [N, D, H, W, C] from their visible patches; of each crop there are equally many. */
  restore(x: tf.Tensor5D, visible: VisibleVoxels): tf.Tensor5D;
}

/** The heavy half of a network: how it is built, and what it costs. `section` has every default filled in. */
export interface NetworkBuilder<Section extends NetworkSection = NetworkSection> {
  /** @throws UserError for options that no such network can have. */
  encoder(section: Section, init: ParameterSetOptions): Encoder;
  /** @throws UserError for options that no such network can have. */
  segmenter(section: Section, outChannels: number, init: ParameterSetOptions): Segmenter;
  /** The same where the encoder can leave hidden voxels out; its descriptor says so (`masking`). */
  visibleSegmenter?(section: Section, outChannels: number, init: ParameterSetOptions): VisibleSegmenter;
  /** The encoder where patches can be hidden; its descriptor says so (`masking`). */
  tokenEncoder?(section: Section, init: ParameterSetOptions): TokenEncoder;
  /** The segmentation network where patches can be hidden. Beside or instead of {@link tokenEncoder}. */
  tokenSegmenter?(section: Section, outChannels: number, init: ParameterSetOptions): TokenSegmenter;
  /** The network where hidden patches never pass the encoder; its descriptor says so (`masking`). @param between starts what is added */
  tokenAutoencoder?(
    section: Section,
    outChannels: number,
    init: ParameterSetOptions,
    between: ParameterSetOptions,
  ): TokenAutoencoder;
  /**
   * Adds up what a forward pass of one crop costs: of the encoder, or of the segmentation network where `outChannels` is given.
   *
   * @param size the crop as the network sees it, in voxels
   */
  cost(cost: Cost, section: Section, size: Vec3, outChannels?: number): void;
  /** The same of a {@link tokenAutoencoder}. @param visible share of the patches */
  autoencoderCost?(cost: Cost, section: Section, size: Vec3, outChannels: number, visible: number): void;
  /** How kernels that no other network calls are written as ONNX. */
  readonly lowerings?: LoweringTable;
}

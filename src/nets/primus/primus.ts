import { voxelCount, type Vec3 } from '../../geometry';
import { conv3d, convTranspose3d, gelu, layerNorm } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { Scope } from '../layers';
import { DescribedNetwork, TrunkEncoder } from '../described';
import type { Parameter, ParameterSetOptions } from '../parameters';
import type { Scale, TokenSegmenter } from '../types';
import { decoderStages, type DecoderStage } from './decoderShape';
import { primus, type PrimusSection } from './descriptor';
import { blockShapeOf, Eva } from './eva';
import { Rotary } from './rotary';
import { gridOf, sizeOf } from './rules';

interface Convolution {
  readonly weight: Parameter;
  readonly bias: Parameter;
}

/**
 * torch's Kaiming start for a leaky ReLU of slope 0.01, biases 0 (nnU-Net's InitWeights_He).
 *
 * @param shape of the filter: (out, in, …), or (in, out, …) of a transposed one
 */
function convolution(scope: Scope, shape: readonly number[], outChannels: number): Convolution {
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
  const std = Math.sqrt(2 / (1 + 0.01 ** 2) / fanIn);
  return {
    weight: scope.set.add(`${scope.prefix}weight`, shape, { kind: 'normal', std }),
    bias: scope.set.add(`${scope.prefix}bias`, [outChannels], { kind: 'constant', value: 0 }),
  };
}

/** Patches to tokens: a convolution whose kernel is its stride. */
export class PatchEmbedding {
  private readonly proj: Convolution;

  constructor(
    scope: Scope,
    private readonly section: PrimusSection,
  ) {
    const { patch, inChannels } = section;
    const { embedDim } = sizeOf(section);
    this.proj = convolution(scope.at('proj'), [embedDim, inChannels, ...patch], embedDim);
  }

  /** [N, D, H, W, in] → [N, …grid, C]. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    const { weight, bias } = this.proj;
    return conv3d(x, weight.get(), { stride: this.section.patch as Vec3, bias: bias.get<tf.Tensor1D>() });
  }
}

/** Eps of the decoder's norms over channels. */
const DECODER_EPS = 1e-6;

/** Of the decoder: its norm's weight and bias are those of the channels that come out. */
interface Stage {
  readonly shape: DecoderStage;
  readonly conv: Convolution;
  readonly norm?: Convolution;
}

/** Tokens back to voxels: transposed convolutions, all but the last with a norm over channels and GELU. */
export class PatchDecoder {
  private readonly stages: readonly Stage[];

  constructor(scope: Scope, section: PrimusSection, outChannels: number) {
    const shapes = decoderStages(sizeOf(section).embedDim, section.patch as Vec3, outChannels);
    this.stages = shapes.map((shape, i) => {
      const at = scope.at(`decode.${i}`);
      const last = i === shapes.length - 1;
      const filter = [shape.inChannels, shape.outChannels, ...shape.stride];
      const conv = convolution(last ? at : at.at('0'), filter, shape.outChannels);
      return last ? { shape, conv } : { shape, conv, norm: at.at('1').norm(shape.outChannels) };
    });
  }

  /** [N, …grid, C] → [N, D, H, W, out]. */
  forward(features: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => this.states(features).at(-1)!);
  }

  /** What each stage gives. */
  states(features: tf.Tensor5D): tf.Tensor5D[] {
    const states: tf.Tensor5D[] = [];
    for (const stage of this.stages) states.push(stageOf(states.at(-1) ?? features, stage));
    return states;
  }
}

function stageOf(x: tf.Tensor5D, { shape, conv, norm }: Stage): tf.Tensor5D {
  return tf.tidy(() => {
    const bias = conv.bias.get<tf.Tensor1D>();
    const up = convTranspose3d(x, conv.weight.get(), { stride: shape.stride, bias });
    if (!norm) return up;
    const affine = { gamma: norm.weight.get<tf.Tensor1D>(), beta: norm.bias.get<tf.Tensor1D>() };
    return gelu(layerNorm(up, { ...affine, eps: DECODER_EPS }));
  });
}

const tokensOf = (section: PrimusSection): Scale => ({
  channels: sizeOf(section).embedDim,
  stride: section.patch as Vec3,
});

/** Patch embedding and transformer: what pre-training learns. */
export class PrimusTrunk {
  readonly grid: Vec3;
  readonly tokens: Scale;
  readonly rotary: Rotary;
  readonly embedding: PatchEmbedding;
  readonly eva: Eva;

  /** @param beside adds what stands between the two in the state dict */
  constructor(scope: Scope, section: PrimusSection, beside?: (scope: Scope) => void) {
    const { embedDim, depth, heads } = sizeOf(section);
    this.grid = gridOf(section);
    this.tokens = tokensOf(section);
    this.rotary = new Rotary(this.grid, embedDim / heads);
    this.embedding = new PatchEmbedding(scope.at('down_projection'), section);
    beside?.(scope);
    this.eva = new Eva(scope.at('eva'), blockShapeOf(section), depth, voxelCount(this.grid));
  }

  /** [N, …grid, C] → [N, tokens, C], and back. */
  asTokens(features: tf.Tensor5D): tf.Tensor3D {
    return tf.reshape(features, [features.shape[0], voxelCount(this.grid), this.tokens.channels]);
  }

  asGrid(tokens: tf.Tensor3D): tf.Tensor5D {
    return tf.reshape(tokens, [tokens.shape[0], ...this.grid, this.tokens.channels]);
  }

  /** Features [N, …grid, C] of crops. @param hide replaces embeddings of patches */
  forward(x: tf.Tensor5D, hide?: (embeddings: tf.Tensor5D) => tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const embedded = this.embedding.forward(x);
      const placed = this.eva.placed(this.asTokens(hide ? hide(embedded) : embedded));
      return this.asGrid(this.eva.mixed(placed, this.rotary.all()));
    });
  }
}

/** The encoder of Primus: features of one scale, its tokens. */
export class PrimusEncoder extends TrunkEncoder<PrimusSection> {
  constructor(section: PrimusSection, init: ParameterSetOptions) {
    super(primus, section, init, [tokensOf(section)], (scope) => {
      const trunk = new PrimusTrunk(scope, section);
      return { forward: (x) => [trunk.forward(x)] };
    });
  }
}

/** Primus for segmentation, names and shapes of weights included. */
export class Primus extends DescribedNetwork<PrimusSection> implements TokenSegmenter {
  readonly tokens: Scale;
  readonly trunk: PrimusTrunk;
  readonly decoder: PatchDecoder;

  constructor(
    section: PrimusSection,
    readonly outChannels: number,
    init: ParameterSetOptions,
  ) {
    super(primus, section, init);
    const { embedDim } = sizeOf(section);
    // A buffer of 0, which stands for tokens that a training of theirs may leave out.
    this.parameters.addBuffer('mask_token', [1, 1, embedDim], () => new Float32Array(embedDim));
    let decoder: PatchDecoder | undefined;
    this.trunk = new PrimusTrunk(new Scope(this.parameters), section, (scope) => {
      decoder = new PatchDecoder(scope.at('up_projection'), section, outChannels);
    });
    this.decoder = decoder!;
    this.tokens = this.trunk.tokens;
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    return this.forwardHiding(x);
  }

  /** @param hide replaces embeddings of patches */
  forwardHiding(x: tf.Tensor5D, hide?: (embeddings: tf.Tensor5D) => tf.Tensor5D): tf.Tensor5D {
    this.checkInput(x);
    return tf.tidy(() => this.decoder.forward(this.trunk.forward(x, hide)));
  }
}

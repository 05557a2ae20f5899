import { addResidual, addScaled, layerNorm, linear, swigluNormLinear, tokenAttention } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import type { Scope } from '../layers';
import type { Parameter } from '../parameters';
import type { PrimusSection } from './descriptor';
import { hiddenOf, sizeOf } from './rules';

interface Dense {
  readonly weight: Parameter;
  readonly bias?: Parameter;
}
interface Affine {
  readonly weight: Parameter;
  readonly bias: Parameter;
}

/** What a block is made of. */
export interface BlockShape {
  readonly channels: number;
  readonly heads: number;
  readonly layerScale: number | null;
  readonly innerNorm: boolean;
}

/** Standard deviation of the first weights of dense layers and positions (cut at ±2 in timm, which is never reached). */
const STD = 0.02;

/** timm's dense layer: normal weights, no bias at first. @param layer where it ends a branch: later ones start smaller */
function dense(scope: Scope, inSize: number, outSize: number, { bias = true, layer = 0 } = {}): Dense {
  const std = layer > 0 ? STD / Math.sqrt(2 * layer) : STD;
  const weight = scope.set.add(`${scope.prefix}weight`, [outSize, inSize], { kind: 'normal', std });
  if (!bias) return { weight };
  return { weight, bias: scope.set.add(`${scope.prefix}bias`, [outSize], { kind: 'constant', value: 0 }) };
}

const apply = (x: tf.Tensor3D, { weight, bias }: Dense): tf.Tensor3D =>
  linear(x, weight.get<tf.Tensor2D>(), bias?.get<tf.Tensor1D>());
const norm = (x: tf.Tensor3D, { weight, bias }: Affine): tf.Tensor3D =>
  layerNorm(x, { gamma: weight.get<tf.Tensor1D>(), beta: bias.get<tf.Tensor1D>() });

/** Multi-head attention of all tokens with rotary positions (timm EvaAttention, q, k and v apart; k has no bias). */
class EvaAttention {
  private readonly q: Dense;
  private readonly k: Dense;
  private readonly v: Dense;
  private readonly norm: Affine | undefined;
  private readonly proj: Dense;

  constructor(
    scope: Scope,
    private readonly shape: BlockShape,
    layer: number,
  ) {
    const { channels, innerNorm } = shape;
    this.q = dense(scope.at('q_proj'), channels, channels);
    this.k = dense(scope.at('k_proj'), channels, channels, { bias: false });
    this.v = dense(scope.at('v_proj'), channels, channels);
    this.norm = innerNorm ? scope.at('norm').norm(channels) : undefined;
    this.proj = dense(scope.at('proj'), channels, channels, { layer });
  }

  forward(x: tf.Tensor3D, rotary: tf.Tensor3D): tf.Tensor3D {
    return tf.tidy(() => {
      const { channels, heads } = this.shape;
      const [q, k, v] = [apply(x, this.q), apply(x, this.k), apply(x, this.v)];
      const mixed = tokenAttention(q, k, v, rotary, { heads, scale: (channels / heads) ** -0.5 });
      return apply(this.norm ? norm(mixed, this.norm) : mixed, this.proj);
    });
  }
}

/** Gated MLP with a norm inside (timm SwiGLU). */
class Swiglu {
  private readonly gate: Dense;
  private readonly value: Dense;
  private readonly norm: Affine;
  private readonly out: Dense;

  constructor(scope: Scope, channels: number, layer: number) {
    const hidden = hiddenOf(channels);
    this.gate = dense(scope.at('fc1_g'), channels, hidden);
    this.value = dense(scope.at('fc1_x'), channels, hidden);
    this.norm = scope.at('norm').norm(hidden);
    this.out = dense(scope.at('fc2'), hidden, channels, { layer });
  }

  forward(x: tf.Tensor3D): tf.Tensor3D {
    return tf.tidy(() =>
      swigluNormLinear(apply(x, this.gate), apply(x, this.value), {
        norm: { gamma: this.norm.weight.get<tf.Tensor1D>(), beta: this.norm.bias.get<tf.Tensor1D>() },
        weight: this.out.weight.get<tf.Tensor2D>(),
        bias: this.out.bias!.get<tf.Tensor1D>(),
      }),
    );
  }
}

/** t + gamma · attention(norm(t)), then t + gamma · mlp(norm(t)) (timm EvaBlock). */
class EvaBlock {
  private readonly gammas: readonly (Parameter | undefined)[];
  private readonly norm1: Affine;
  private readonly attention: EvaAttention;
  private readonly norm2: Affine;
  private readonly mlp: Swiglu;

  constructor(scope: Scope, shape: BlockShape, layer: number) {
    const { channels, layerScale } = shape;
    this.gammas = [1, 2].map((number) =>
      layerScale === null
        ? undefined
        : scope.set.add(`${scope.prefix}gamma_${number}`, [channels], { kind: 'constant', value: layerScale }),
    );
    this.norm1 = scope.at('norm1').norm(channels);
    this.attention = new EvaAttention(scope.at('attn'), shape, layer);
    this.norm2 = scope.at('norm2').norm(channels);
    this.mlp = new Swiglu(scope.at('mlp'), channels, layer);
  }

  /** [N, n, C] → the same shape. */
  forward(x: tf.Tensor3D, rotary: tf.Tensor3D): tf.Tensor3D {
    const add = (before: tf.Tensor3D, branch: tf.Tensor3D, gamma: Parameter | undefined): tf.Tensor3D =>
      gamma ? addScaled(before, branch, gamma.get<tf.Tensor1D>()) : addResidual(before, branch);
    return tf.tidy(() => {
      const attended = tf.tidy(() => add(x, this.attention.forward(norm(x, this.norm1), rotary), this.gammas[0]));
      return add(attended, this.mlp.forward(norm(attended, this.norm2)), this.gammas[1]);
    });
  }
}

/** Blocks of the network of a section. */
export function blockShapeOf(section: PrimusSection): BlockShape {
  const { embedDim, heads } = sizeOf(section);
  return { channels: embedDim, heads, layerScale: section.layerScale, innerNorm: section.innerNorm };
}

/** Learnt positions, blocks, and a norm: the transformer of Primus (dynamic-network-architectures, building_blocks/eva.py). */
export class Eva {
  private readonly positions: Parameter;
  private readonly blocks: readonly EvaBlock[];
  private readonly norm: Affine;

  /** @param tokens of a crop */
  constructor(scope: Scope, shape: BlockShape, depth: number, tokens: number) {
    const { channels } = shape;
    this.positions = scope.set.add(`${scope.prefix}pos_embed`, [1, tokens, channels], { kind: 'normal', std: STD });
    this.blocks = Array.from({ length: depth }, (_, i) => new EvaBlock(scope.at(`blocks.${i}`), shape, i + 1));
    this.norm = scope.at('norm').norm(channels);
  }

  /** Tokens [N, n, C] with their positions. */
  placed(tokens: tf.Tensor3D): tf.Tensor3D {
    return tf.add(tokens, this.positions.get<tf.Tensor3D>());
  }

  /** @param tokens that have their positions, all or some of them. @param rotary of the same tokens */
  mixed(tokens: tf.Tensor3D, rotary: tf.Tensor3D): tf.Tensor3D {
    return tf.tidy(() => this.states(tokens, rotary).at(-1)!);
  }

  /** What each block gives, and at last the norm. */
  states(tokens: tf.Tensor3D, rotary: tf.Tensor3D): tf.Tensor3D[] {
    const states: tf.Tensor3D[] = [];
    for (const block of this.blocks) states.push(block.forward(states.at(-1) ?? tokens, rotary));
    return [...states, norm(states.at(-1)!, this.norm)];
  }
}

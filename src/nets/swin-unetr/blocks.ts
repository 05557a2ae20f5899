import { mapAxes, type Vec3 } from '../../geometry';
import { addResidual, conv3d, geluLinear, layerNorm, linear, windowAttention } from '../../tensor/ops';
import { relativePositionIndex, windowSize } from '../../tensor/ops/windows';
import * as tf from '../../tensor/tf';
import type { Scope } from '../layers';
import type { Parameter } from '../parameters';
import { padToEven, PatchMerging } from './patchMerging';

/** The attention window of every stage of Swin-UNETR. */
export const WINDOW: Vec3 = [7, 7, 7];
export const MLP_RATIO = 4;

interface Affine {
  weight: Parameter;
  bias: Parameter;
}

const norm = (x: tf.Tensor5D, p: Affine): tf.Tensor5D =>
  layerNorm(x, { gamma: p.weight.get<tf.Tensor1D>(), beta: p.bias.get<tf.Tensor1D>() });
const dense = (x: tf.Tensor5D, p: Affine): tf.Tensor5D => linear(x, p.weight.get(), p.bias.get<tf.Tensor1D>());
const spatial = (x: tf.Tensor5D): Vec3 => [x.shape[1], x.shape[2], x.shape[3]];

/** Window attention with its two dense layers (MONAI WindowAttention, and partition and shift around it). */
export class WindowAttention {
  private readonly table: Parameter;
  private readonly qkv: Affine;
  private readonly proj: Affine;

  constructor(
    scope: Scope,
    private readonly channels: number,
    private readonly heads: number,
    private readonly tableWindow: Vec3 = WINDOW,
  ) {
    const rows = tableWindow.reduce((product, size) => product * (2 * size - 1), 1);
    const tokens = tableWindow.reduce((product, size) => product * size, 1);
    this.table = scope.set.add(`${scope.prefix}relative_position_bias_table`, [rows, heads], {
      kind: 'normal',
      std: 0.02,
    });
    scope.set.addBuffer(`${scope.prefix}relative_position_index`, [tokens, tokens], () =>
      relativePositionIndex(tableWindow),
    );
    this.qkv = scope.at('qkv').linear(channels, 3 * channels);
    this.proj = scope.at('proj').linear(channels, channels);
  }

  /** x [N, D, H, W, C] → the same shape. Tokens that pad the volume to whole windows are zeros before the qkv layer. */
  forward(x: tf.Tensor5D, shifted: boolean): tf.Tensor5D {
    const halves: Vec3 = mapAxes((a) => (shifted ? Math.floor(this.tableWindow[a]! / 2) : 0));
    const inUse = windowSize(spatial(x), this.tableWindow, halves);
    const mixed = windowAttention(dense(x, this.qkv), this.qkv.bias.get<tf.Tensor1D>(), this.table.get(), {
      tableWindow: this.tableWindow,
      window: inUse.window,
      shift: inUse.shift,
      heads: this.heads,
      scale: (this.channels / this.heads) ** -0.5,
    });
    return dense(mixed, this.proj);
  }
}

/** x + attention(norm(x)), then x + mlp(norm(x)) (MONAI SwinTransformerBlock without dropout). */
export class SwinBlock {
  private readonly norm1: Affine;
  private readonly attention: WindowAttention;
  private readonly norm2: Affine;
  private readonly linear1: Affine;
  private readonly linear2: Affine;

  constructor(
    scope: Scope,
    channels: number,
    heads: number,
    private readonly shifted: boolean,
  ) {
    this.norm1 = scope.at('norm1').norm(channels);
    this.attention = new WindowAttention(scope.at('attn'), channels, heads);
    this.norm2 = scope.at('norm2').norm(channels);
    this.linear1 = scope.at('mlp.linear1').linear(channels, MLP_RATIO * channels);
    this.linear2 = scope.at('mlp.linear2').linear(MLP_RATIO * channels, channels);
  }

  /** [N, D, H, W, C] → the same shape. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const attended = tf.tidy(() => addResidual(x, this.attention.forward(norm(x, this.norm1), this.shifted)));
      const hidden = tf.tidy(() => dense(norm(attended, this.norm2), this.linear1));
      const { weight, bias } = this.linear2;
      return addResidual(attended, geluLinear(hidden, weight.get(), bias.get<tf.Tensor1D>()));
    });
  }
}

/** One stage: blocks with alternating shift, then patch merging (MONAI BasicLayer). */
export class SwinStage {
  private readonly blocks: SwinBlock[];
  private readonly downsample: PatchMerging;

  constructor(scope: Scope, channels: number, depth: number, heads: number) {
    this.blocks = Array.from(
      { length: depth },
      (_, i) => new SwinBlock(scope.at(`blocks.${i}`), channels, heads, i % 2 === 1),
    );
    this.downsample = new PatchMerging(scope.at('downsample'), channels);
  }

  /** [N, D, H, W, C] → [N, ⌈D/2⌉, ⌈H/2⌉, ⌈W/2⌉, 2C]. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const y = this.blocks.reduce<tf.Tensor5D>((input, block) => block.forward(input), x);
      return this.downsample.forward(y);
    });
  }
}

/** Non-overlapping 2³ patches, each a token (MONAI PatchEmbed without norm); odd sizes are padded with zeros at the end. */
export class PatchEmbed {
  private readonly proj: Affine;

  constructor(scope: Scope, inChannels: number, channels: number) {
    this.proj = scope.at('proj').conv(inChannels, channels, 2, true);
  }

  /** [N, D, H, W, in] → [N, ⌈D/2⌉, ⌈H/2⌉, ⌈W/2⌉, C]. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() =>
      conv3d(padToEven(x), this.proj.weight.get(), { stride: 2, bias: this.proj.bias.get<tf.Tensor1D>() }),
    );
  }
}

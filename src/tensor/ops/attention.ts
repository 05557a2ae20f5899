import type { Vec3 } from '../../geometry';
import * as tf from '../tf';
import { differentiable, hasKernel, runKernel } from './dispatch';
import { Kernel, type WindowAttentionAttrs } from './kernels';
import { MASKED, relativePositionIndex, windowLayout, type WindowLayout } from './windows';

/** Attention of all windows: q, k, v are [N, windows, heads, n, C/heads]; probability is [N, windows, heads, n, n]. */
interface Attention {
  q: tf.Tensor;
  k: tf.Tensor;
  v: tf.Tensor;
  probability: tf.Tensor;
}

const int32 = (values: Int32Array): tf.Tensor1D => tf.tensor1d(values, 'int32');

/** Rows of the bias table for the first n tokens of the table's window: [n·n]. */
function biasIndex(tableWindow: Vec3, n: number): Int32Array {
  const whole = relativePositionIndex(tableWindow);
  const all = Math.sqrt(whole.length);
  if (n === all) return whole;
  // The reference cuts the large window's index to n×n, which is not the index of a window of n tokens.
  const cut = new Int32Array(n * n);
  for (let i = 0; i < n; i++) cut.set(whole.subarray(i * all, i * all + n), i * n);
  return cut;
}

/** Sums the square matrices [L, b, a, R] of a tensor along their diagonals: row a − b + w − 1 of [L, 2w−1, R]. */
function sumDiagonals(x: tf.Tensor, left: number, w: number, right: number): tf.Tensor {
  if (w === 1) return tf.reshape(x, [left, 1, right]);
  // Rows padded to 2w−2 and read as rows of 2w−1 move one place to the left each: diagonals become columns.
  const rows = tf.pad(tf.reshape(x, [left, w, w, right]), [[0, 0], [0, 0], [0, w - 2], [0, 0]]); // prettier-ignore
  const flat = tf.pad(tf.reshape(rows, [left, w * (2 * w - 2), right]), [[0, 0], [w - 1, 1], [0, 0]]); // prettier-ignore
  return tf.sum(tf.reshape(flat, [left, w, 2 * w - 1, right]), 1);
}

/** Gradient of the bias table [T, heads] from that of the bias [heads, n, n]: a sum over pairs, without scatter or atomics. */
function biasTableGradient(dBias: tf.Tensor, tableWindow: Vec3): tf.Tensor2D {
  const [w0, w1, w2] = tableWindow;
  const [k0, k1, k2] = [2 * w0 - 1, 2 * w1 - 1, 2 * w2 - 1];
  const [heads, n] = dBias.shape as [number, number];
  const missing = w0 * w1 * w2 - n;
  const whole = missing > 0 ? tf.pad(dBias, [[0, 0], [0, missing], [0, missing]]) : dBias; // prettier-ignore
  let x = tf.transpose(tf.reshape(whole, [heads, w0, w1 * w2, w0, w1 * w2]), [0, 3, 1, 2, 4]);
  x = sumDiagonals(x, heads, w0, (w1 * w2) ** 2);
  x = tf.transpose(tf.reshape(x, [heads * k0, w1, w2, w1, w2]), [0, 3, 1, 2, 4]);
  x = sumDiagonals(x, heads * k0, w1, w2 * w2);
  x = tf.transpose(tf.reshape(x, [heads * k0 * k1, w2, w2]), [0, 2, 1]);
  x = sumDiagonals(x, heads * k0 * k1, w2, 1);
  return tf.transpose(tf.reshape(x, [heads, k0 * k1 * k2])) as tf.Tensor2D;
}

/** [N, D, H, W, C] and the token that pads [C] → tokens in window order [N, windows·n, C]. */
function partition(x: tf.Tensor, padToken: tf.Tensor | undefined, layout: WindowLayout): tf.Tensor {
  const [batch, channels] = [x.shape[0]!, x.shape[4]!];
  let tokens: tf.Tensor = tf.reshape(x, [batch, -1, channels]);
  if (layout.padding.length > 0) {
    const pad = padToken
      ? tf.tile(tf.reshape(padToken, [1, 1, channels]), [batch, 1, 1])
      : tf.zeros([batch, 1, channels]);
    tokens = tf.concat([tokens, pad], 1);
  }
  return tf.gather(tokens, int32(layout.source), 1);
}

/** The way back: [N, windows·n, C] → [N, D, H, W, C]. */
function merge(tokens: tf.Tensor, layout: WindowLayout, shape: number[]): tf.Tensor {
  return tf.reshape(tf.gather(tokens, int32(layout.target), 1), shape);
}

function attend(
  qkv: tf.Tensor,
  padToken: tf.Tensor,
  biasTable: tf.Tensor,
  attrs: WindowAttentionAttrs,
  layout: WindowLayout,
): Attention {
  const [batch, width] = [qkv.shape[0]!, qkv.shape[4]! / 3];
  const { windows, tokens: n, region } = layout;
  const tokens = partition(qkv, padToken, layout);
  const part = (which: number): tf.Tensor => {
    const slice = tf.slice(tokens, [0, 0, which * width], [-1, -1, width]);
    return tf.transpose(tf.reshape(slice, [batch, windows, n, attrs.heads, width / attrs.heads]), [0, 1, 3, 2, 4]);
  };
  const [q, k, v] = [part(0), part(1), part(2)];
  const rows = tf.gather(biasTable, int32(biasIndex(attrs.tableWindow, n)));
  const bias = tf.reshape(tf.transpose(rows), [1, 1, attrs.heads, n, n]);
  let logits = tf.add(tf.mul(tf.matMul(q, k, false, true), attrs.scale), bias);
  if (attrs.shift.some((s) => s > 0)) {
    const regions = tf.tensor(region, [windows, n], 'int32');
    const apart = tf.notEqual(tf.reshape(regions, [windows, 1, n, 1]), tf.reshape(regions, [windows, 1, 1, n]));
    logits = tf.add(logits, tf.mul(tf.cast(apart, 'float32'), MASKED));
  }
  return { q, k, v, probability: tf.softmax(logits) };
}

/** [N, windows, heads, n, d] → [N, windows·n, heads·d]. */
function joinHeads(x: tf.Tensor): tf.Tensor {
  const [batch, windows, heads, n, d] = x.shape as [number, number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4]), [batch, windows * n, heads * d]);
}

const layoutOf = (qkv: tf.Tensor, attrs: WindowAttentionAttrs): WindowLayout =>
  windowLayout(qkv.shape.slice(1, 4) as unknown as Vec3, attrs.window, attrs.shift);

function composed(qkv: tf.Tensor, padToken: tf.Tensor, biasTable: tf.Tensor, attrs: WindowAttentionAttrs): tf.Tensor5D {
  const layout = layoutOf(qkv, attrs);
  const { v, probability } = attend(qkv, padToken, biasTable, attrs, layout);
  const shape = [...qkv.shape.slice(0, 4), qkv.shape[4]! / 3];
  return merge(joinHeads(tf.matMul(probability, v)), layout, shape) as tf.Tensor5D;
}

/** [dqkv, dpadToken, dbiasTable]; the attention is computed again rather than kept from the forward pass. */
function composedGradient(
  qkv: tf.Tensor,
  padToken: tf.Tensor,
  biasTable: tf.Tensor,
  dy: tf.Tensor,
  attrs: WindowAttentionAttrs,
): tf.Tensor[] {
  const layout = layoutOf(qkv, attrs);
  const { q, k, v, probability } = attend(qkv, padToken, biasTable, attrs, layout);
  const [batch, windows, heads, n, d] = q.shape as [number, number, number, number, number];
  const dOut = tf.transpose(
    tf.reshape(partition(dy, undefined, layout), [batch, windows, n, heads, d]),
    [0, 1, 3, 2, 4],
  );
  const dV = tf.matMul(probability, dOut, true);
  const weighted = tf.mul(tf.matMul(dOut, v, false, true), probability);
  const dLogits = tf.sub(weighted, tf.mul(probability, tf.sum(weighted, -1, true)));
  const dQ = tf.mul(tf.matMul(dLogits, k), attrs.scale);
  const dK = tf.mul(tf.matMul(dLogits, q, true), attrs.scale);
  const dTokens = tf.concat([dQ, dK, dV].map(joinHeads), 2);
  const dPad =
    layout.padding.length > 0
      ? tf.sum(tf.gather(dTokens, int32(layout.padding), 1), [0, 1])
      : tf.zeros([padToken.shape[0]!]);
  const dBias = tf.sum(tf.reshape(dLogits, [batch * windows, heads, n, n]), 0);
  return [merge(dTokens, layout, qkv.shape), dPad, biasTableGradient(dBias, attrs.tableWindow)];
}

/**
 * Shifted-window attention (MONAI SwinTransformerBlock's padding, shift, partition, mask, WindowAttention without its two
 * dense layers, and the way back).
 *
 * @param qkv [N,D,H,W,3C], last axis q heads, k heads, v heads as torch's `qkv` layer gives.
 * @param padToken [3C], the qkv of a zero token (the bias of the qkv layer), used for tokens that pad the volume to whole
 *   windows: they are attended to, their output is dropped.
 * @param biasTable [T, heads], T = (2·w₀−1)(2·w₁−1)(2·w₂−1) of `attrs.tableWindow`.
 * @param attrs window and shift in use: see {@link windowSize}.
 * @returns [N,D,H,W,C]. The gradient keeps only the three inputs.
 */
export function windowAttention(
  qkv: tf.Tensor5D,
  padToken: tf.Tensor1D,
  biasTable: tf.Tensor2D,
  attrs: WindowAttentionAttrs,
): tf.Tensor5D {
  const native = hasKernel(Kernel.WindowAttention) && hasKernel(Kernel.WindowAttentionGrad);
  const inputs = { qkv, padToken, biasTable };
  return differentiable<tf.Tensor5D>(
    inputs,
    (save) => {
      save([qkv, padToken, biasTable]);
      return native
        ? (runKernel(Kernel.WindowAttention, inputs, attrs) as tf.Tensor5D)
        : composed(qkv, padToken, biasTable, attrs);
    },
    (dy, saved) => {
      const [x, pad, table] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      const [dQkv, dPad, dTable] = native
        ? runKernel(Kernel.WindowAttentionGrad, { qkv: x, padToken: pad, biasTable: table, dy }, attrs)
        : tf.tidy(() => composedGradient(x, pad, table, dy, attrs));
      return { qkv: () => dQkv!, padToken: () => dPad!, biasTable: () => dTable! };
    },
  );
}

import * as tf from '../tf';
import { differentiable, hasKernel, runKernel } from './dispatch';
import { Kernel, type TokenAttentionAttrs } from './kernels';

/** Numbers of attention matrices that a composition holds at once; more queries are worked on in turns. */
const MATRIX_NUMBERS = 2 ** 24;

/** A cut of queries: [first, count]. */
type Turn = readonly [first: number, count: number];

function turnsOf(tokens: number, matrices: number, limit: number): Turn[] {
  const count = Math.max(1, Math.min(tokens, Math.floor(limit / (matrices * tokens))));
  return Array.from({ length: Math.ceil(tokens / count) }, (_, i) => [i * count, Math.min(count, tokens - i * count)]);
}

/**
 * Turns neighbouring channels of each head by the angles of the token (RoFormer's rotary positions), or back. No tensor on the way has
 * more than four axes.
 *
 * @param x [N,n,C]
 */
function turn(x: tf.Tensor, rotary: tf.Tensor, heads: number, back: boolean): tf.Tensor {
  const [batch, n, channels] = x.shape as [number, number, number];
  const pairs = channels / heads / 2;
  const rows = rotary.shape[0]!;
  const half = (at: number): tf.Tensor =>
    tf.reshape(tf.slice(rotary, [0, 0, at], [-1, -1, pairs]), [rows, n, 1, pairs]);
  const [sines, cosines] = [half(0), half(pairs)];
  const paired = tf.reshape(x, [batch, n, channels / 2, 2]);
  const part = (at: number): tf.Tensor =>
    tf.reshape(tf.slice(paired, [0, 0, 0, at], [-1, -1, -1, 1]), [batch, n, heads, pairs]);
  const [even, odd] = [part(0), part(1)];
  const [a, b] = [tf.mul(odd, sines), tf.mul(even, sines)];
  const [straight, across] = [tf.mul(even, cosines), tf.mul(odd, cosines)];
  const turned = back ? [tf.add(straight, a), tf.sub(across, b)] : [tf.sub(straight, a), tf.add(across, b)];
  const joined = tf.concat(
    turned.map((values) => tf.reshape(values, [batch, n, channels / 2, 1])),
    3,
  );
  return tf.reshape(joined, x.shape);
}

/** [N,n,C] → [N,heads,n,C/heads]. */
function splitHeads(x: tf.Tensor, heads: number): tf.Tensor {
  const [batch, n, channels] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [batch, n, heads, channels / heads]), [0, 2, 1, 3]);
}

/** The way back. */
function joinHeads(x: tf.Tensor): tf.Tensor {
  const [batch, heads, n, depth] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, n, heads * depth]);
}

const rowsOf = (x: tf.Tensor, [first, count]: Turn): tf.Tensor => tf.slice(x, [0, 0, first, 0], [-1, -1, count, -1]);

type Inputs = readonly [q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, rotary: tf.Tensor];

function split([q, k, v, rotary]: Inputs, heads: number): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const turned = (x: tf.Tensor): tf.Tensor => splitHeads(turn(x, rotary, heads, false), heads);
  return [turned(q), turned(k), splitHeads(v, heads)];
}

const probabilities = (q: tf.Tensor, k: tf.Tensor, scale: number): tf.Tensor =>
  tf.softmax(tf.mul(tf.matMul(q, k, false, true), scale));

/**
 * Attention as a composition of tfjs operations.
 *
 * @param limit numbers of attention matrices that there may be at once
 */
export function composedAttention(
  inputs: Inputs,
  { heads, scale }: TokenAttentionAttrs,
  limit = MATRIX_NUMBERS,
): tf.Tensor3D {
  const [q, k, v] = split(inputs, heads);
  const [batch, , n] = q.shape as number[];
  const mixed = turnsOf(n!, batch! * heads, limit).map((queries) =>
    tf.tidy(() => tf.matMul(probabilities(rowsOf(q, queries), k, scale), v)),
  );
  return joinHeads(mixed.length === 1 ? mixed[0]! : tf.concat(mixed, 2)) as tf.Tensor3D;
}

/** [dq, dk, dv]; the attention is computed again rather than kept from the forward pass. */
export function composedAttentionGradient(
  inputs: Inputs,
  dy: tf.Tensor,
  { heads, scale }: TokenAttentionAttrs,
  limit = MATRIX_NUMBERS,
): tf.Tensor[] {
  const rotary = inputs[3];
  const [q, k, v] = split(inputs, heads);
  const [batch, , n] = q.shape as number[];
  const dOut = splitHeads(dy, heads);
  const turns = turnsOf(n!, batch! * heads, limit).map((queries) =>
    tf.tidy(() => {
      const [some, dSome] = [rowsOf(q, queries), rowsOf(dOut, queries)];
      const p = probabilities(some, k, scale);
      const weighted = tf.mul(tf.matMul(dSome, v, false, true), p);
      const dLogits = tf.mul(tf.sub(weighted, tf.mul(p, tf.sum(weighted, -1, true))), scale);
      return [tf.matMul(dLogits, k), tf.matMul(dLogits, some, true), tf.matMul(p, dSome, true)];
    }),
  );
  const dQ =
    turns.length === 1
      ? turns[0]![0]!
      : tf.concat(
          turns.map((parts) => parts[0]!),
          2,
        );
  const [dK, dV] = [1, 2].map((which) => turns.map((parts) => parts[which]!).reduce((sum, part) => tf.add(sum, part)));
  const back = (x: tf.Tensor): tf.Tensor => turn(joinHeads(x), rotary, heads, true);
  return [back(dQ), back(dK!), joinHeads(dV!)];
}

/**
 * Multi-head attention of all tokens to all, with rotary positions on queries and keys, between its dense layers (timm's
 * EvaAttention).
 *
 * @param q, k, v [N,n,C], the channels of one head after the other
 * @param rotary [N or 1,n,C/heads], see `kernels.ts`
 * @returns [N,n,C]. The gradient keeps only the inputs: no n×n matrix outlives the pass.
 */
export function tokenAttention(
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
  rotary: tf.Tensor3D,
  attrs: TokenAttentionAttrs,
): tf.Tensor3D {
  const native = hasKernel(Kernel.TokenAttention) && hasKernel(Kernel.TokenAttentionGrad);
  return differentiable<tf.Tensor3D>(
    { q, k, v },
    (save) => {
      save([q, k, v, rotary]);
      return native
        ? (runKernel(Kernel.TokenAttention, { q, k, v, rotary }, attrs) as tf.Tensor3D)
        : composedAttention([q, k, v, rotary], attrs);
    },
    (dy, saved) => {
      const inputs = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const [savedQ, savedK, savedV, table] = inputs;
      const [dQ, dK, dV] = native
        ? runKernel(Kernel.TokenAttentionGrad, { q: savedQ, k: savedK, v: savedV, rotary: table, dy }, attrs)
        : tf.tidy(() => composedAttentionGradient(inputs, dy, attrs));
      return { q: () => dQ!, k: () => dK!, v: () => dV! };
    },
  );
}

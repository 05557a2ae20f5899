/** Attention of all tokens with rotary positions as reshapes, elementwise operations and matrix products. */
import type { Call } from '../lowering';
import { type Recording, type Value } from '../recording';

interface Sizes {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  /** Channels of a head. */
  readonly depth: number;
}

/** Neighbouring channels of each head, turned by the angles of the token: [N, n, C] → the same. */
function turn(recording: Recording, input: string, rotary: Value, { batch, tokens, heads, depth }: Sizes): string {
  const { graph } = recording;
  const pairs = depth / 2;
  const half = (at: number): string => {
    const cut = recording.slice(recording.last(rotary), [at], [at + pairs], [2]);
    return recording.reshape(cut, [rotary.shape[0]!, tokens, 1, pairs]);
  };
  const [sines, cosines] = [half(0), half(pairs)];
  const paired = recording.reshape(input, [batch, tokens, heads * pairs, 2]);
  const part = (at: number): string =>
    recording.reshape(recording.slice(paired, [at], [at + 1], [3]), [batch, tokens, heads, pairs]);
  const [even, odd] = [part(0), part(1)];
  const mul = (a: string, b: string): string => graph.node('Mul', [a, b]);
  const turned = [
    graph.node('Sub', [mul(even, cosines), mul(odd, sines)]),
    graph.node('Add', [mul(odd, cosines), mul(even, sines)]),
  ].map((name) => recording.reshape(name, [batch, tokens, heads * pairs, 1]));
  const joined = graph.node('Concat', turned, { axis: { int: 3 } });
  return recording.reshape(joined, [batch, tokens, heads * depth]);
}

/** {q, k, v [N,n,C], rotary} → [N,n,C]. */
export function tokenAttention({ recording, inputs, attrs }: Call<'VocoTokenAttention'>): Value {
  const { graph } = recording;
  const { q, k, v, rotary } = inputs;
  const [batch, tokens, channels] = q.shape as [number, number, number];
  const sizes = { batch, tokens, heads: attrs.heads, depth: channels / attrs.heads };
  const byHead = (name: string, order: readonly number[]): string =>
    recording.transpose(recording.reshape(name, [batch, tokens, sizes.heads, sizes.depth]), order);
  const queries = byHead(turn(recording, recording.last(q), rotary, sizes), [0, 2, 1, 3]);
  const keys = byHead(turn(recording, recording.last(k), rotary, sizes), [0, 2, 3, 1]);
  const values = byHead(recording.last(v), [0, 2, 1, 3]);
  const logits = graph.node('MatMul', [graph.node('Mul', [queries, graph.scalar(attrs.scale)]), keys]);
  const shares = graph.node('Softmax', [logits], { axis: { int: -1 } });
  const mixed = recording.transpose(graph.node('MatMul', [shares, values]), [0, 2, 1, 3]);
  return recording.made(q.shape, 'last', recording.reshape(mixed, [batch, tokens, channels]));
}

/** Shifted-window attention as reshapes, transposes, slices and matrix products. */
import { mapAxes, mapVec3, type Vec3 } from '../../geometry';
import { MASKED, paddedSize, relativePositionIndex, windowLayout } from '../../tensor/ops/windows';
import type { WindowAttentionAttrs } from '../../tensor/ops/kernels';
import type { Call } from '../lowering';
import { BATCH, type Recording, type Value } from '../recording';
import { formatSize } from '../../text';

const SPACE = [1, 2, 3] as const;
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Sizes of one attention. */
interface Plan {
  readonly size: Vec3;
  readonly padded: Vec3;
  readonly window: Vec3;
  readonly shift: Vec3;
  /** Windows along each axis, and in all. */
  readonly counts: Vec3;
  readonly windows: number;
  /** Tokens of a window. */
  readonly tokens: number;
}

function planOf(qkv: Value, { window, shift }: WindowAttentionAttrs): Plan {
  const size = mapAxes((axis) => qkv.shape[axis + 1]!);
  const padded = paddedSize(size, window);
  const counts = mapVec3(padded, (length, axis) => length / window[axis]!);
  return { size, padded, window, shift, counts, windows: product(counts), tokens: product(window) };
}

/** Fills up to whole windows at the end of each axis: with the qkv of a zero token, not with zeros. */
function pad(recording: Recording, input: string, token: string, { size, padded }: Plan): string {
  const { graph } = recording;
  const more = padded.map((length, axis) => length - size[axis]!);
  if (product(padded) === product(size)) return input;
  const zeros = graph.node('Pad', [input, graph.int64([0, 0, 0, 0, 0, 0, ...more, 0])]);
  const [d, h, w] = padded;
  const key = `inside ${formatSize(size)} of ${formatSize(padded)}`;
  const inside = graph.once(key, () => {
    const flags = Uint8Array.from({ length: d * h * w }, (_, at) => {
      const place = [Math.floor(at / (h * w)), Math.floor(at / w) % h, at % w];
      return place.every((p, axis) => p < size[axis]!) ? 1 : 0;
    });
    return graph.table(`${key} voxels`, flags, [1, d, h, w, 1]);
  });
  return graph.node('Where', [inside, zeros, token]);
}

/** Moves the volume by `by` places towards the start of each axis, cyclically (torch.roll with −by). */
function roll(recording: Recording, input: string, sizes: Vec3, by: readonly number[]): string {
  return SPACE.reduce((name, axis) => {
    const [length, shift] = [sizes[axis - 1]!, by[axis - 1]!];
    if (shift === 0) return name;
    const front = recording.slice(name, [0], [shift], [axis]);
    const back = recording.slice(name, [shift], [length], [axis]);
    return recording.graph.node('Concat', [back, front], { axis: { int: axis } });
  }, input);
}

/** [N, D, H, W, C] → [N·windows, tokens, C]. */
function partition(recording: Recording, input: string, { counts, window, tokens }: Plan, channels: number): string {
  const [, ch, cw] = counts;
  const [wd, wh, ww] = window;
  const split = recording.reshape(input, [BATCH, wd, ch, wh, cw, ww * channels]);
  return recording.reshape(recording.transpose(split, [0, 2, 4, 1, 3, 5]), [BATCH, tokens, channels]);
}

/** The way back. */
function merge(recording: Recording, input: string, { counts, window, padded }: Plan, channels: number): string {
  const [, ch, cw] = counts;
  const [wd, wh, ww] = window;
  const split = recording.reshape(input, [BATCH, ch, cw, wd, wh, ww * channels]);
  return recording.reshape(recording.transpose(split, [0, 3, 1, 4, 2, 5]), [BATCH, ...padded, channels]);
}

/** The bias [1, heads, n, n] of each pair of tokens, from its table. */
function positionBias(recording: Recording, table: Value, { tokens: n }: Plan, attrs: WindowAttentionAttrs): string {
  const { graph } = recording;
  const { tableWindow, heads } = attrs;
  const key = `relative_position_index ${formatSize(tableWindow)} of ${n}`;
  const index = graph.once(key, () => {
    const whole = relativePositionIndex(tableWindow);
    const all = Math.sqrt(whole.length);
    // A smaller window takes the upper left of the larger one's index, as the reference does.
    const cut = BigInt64Array.from({ length: n * n }, (_, at) => BigInt(whole[Math.floor(at / n) * all + (at % n)]!));
    return graph.table(`${key} tokens`, cut, [n * n]);
  });
  const rows = graph.node('Gather', [recording.last(table), index], { axis: { int: 0 } }, recording.moduleOf(table));
  return recording.reshape(recording.transpose(rows, [1, 0]), [1, heads, n, n]);
}

/** The mask [windows, 1, n, n]: tokens that were not neighbours before the shift do not attend to each other. */
function shiftMask(recording: Recording, { size, window, shift, windows, tokens }: Plan): string {
  const { graph } = recording;
  const key = `regions ${formatSize(size)} shifted ${formatSize(shift)}`;
  return graph.once(key, () => {
    const { region } = windowLayout(size, window, shift);
    const regions = graph.table(`${key} voxels`, region, [windows, 1, tokens, 1]);
    const other = recording.reshape(regions, [windows, 1, 1, tokens]);
    return graph.node('Where', [graph.node('Equal', [regions, other]), graph.scalar(0), graph.scalar(MASKED)]);
  });
}

/** {qkv [N,D,H,W,3C], padToken [3C], biasTable [T,heads]} → [N,D,H,W,C]. */
export function windowAttention({ recording, inputs, attrs }: Call<'VocoWindowAttention'>): Value {
  const { graph } = recording;
  const { qkv, padToken, biasTable } = inputs;
  const plan = planOf(qkv, attrs);
  const [width, { heads }] = [qkv.shape[4]! / 3, attrs];
  const { tokens: n, windows, padded, size, shift } = plan;
  const at = recording.moduleOf(biasTable);
  const whole = pad(recording, recording.last(qkv), recording.last(padToken), plan);
  const windowed = partition(recording, roll(recording, whole, padded, shift), plan, 3 * width);
  const parts = graph.nodeWithOutputs('Split', [windowed], 3, { axis: { int: 2 } }, at);
  const [q, k, v] = parts.map((part, which) => {
    const byHead = recording.reshape(part, [BATCH, n, heads, width / heads]);
    return recording.transpose(byHead, which === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3]);
  }) as [string, string, string];
  const products = graph.node('MatMul', [graph.node('Mul', [q, graph.scalar(attrs.scale)]), k], {}, at);
  let logits = graph.node('Add', [products, positionBias(recording, biasTable, plan, attrs)], {}, at);
  if (shift.some((by) => by > 0)) {
    const byWindow = recording.reshape(logits, [BATCH, windows, heads, n, n]);
    const masked = graph.node('Add', [byWindow, shiftMask(recording, plan)], {}, at);
    logits = recording.reshape(masked, [BATCH, heads, n, n]);
  }
  const shares = graph.node('Softmax', [logits], { axis: { int: -1 } }, at);
  const mixed = recording.transpose(graph.node('MatMul', [shares, v], {}, at), [0, 2, 1, 3]);
  const merged = merge(recording, recording.reshape(mixed, [BATCH, n, width]), plan, width);
  const back = roll(recording, merged, padded, shift.map((by, axis) => (by === 0 ? 0 : padded[axis]! - by))); // prettier-ignore
  const cut = product(padded) === product(size) ? back : recording.slice(back, [0, 0, 0], size, SPACE);
  return recording.made([...qkv.shape.slice(0, 4), width], 'last', cut);
}

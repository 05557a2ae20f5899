import type { Vec3 } from '../../../src/geometry';
import '@tensorflow/tfjs-backend-cpu';
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { vjp } from '../../../src/tensor/autodiff';
import {
  linear,
  paddedSize,
  relativePositionIndex,
  shiftMask,
  windowAttention,
  windowSize,
  type WindowAttentionAttrs,
} from '../../../src/tensor/ops';
import { windowLayout } from '../../../src/tensor/ops/windows';
import * as tf from '../../../src/tensor/tf';
import { expectSamples, gradientError, normal, scoped, size, type Samples } from './support';
import { partsOf, withFixtures } from '../../support/fixtures';
import { maskedLayout, tableWindowOf, windowOf } from '../../support/swinWindows';
import { Formula } from '../../support/formula';

interface ModuleCase {
  name: string;
  x_shape: number[];
  state_dict: [string, number[]][];
  out: Samples;
  dx: Samples;
  grads: Record<string, Samples>;
}
interface Blocks {
  seed: number;
  window_partition: { x: string; window: Vec3; full: number[] };
  get_window_size: { x_size: Vec3; window: Vec3; shift: Vec3; out: [Vec3, Vec3] }[];
  compute_mask: {
    cases: {
      dims: Vec3;
      window: Vec3;
      shift: Vec3;
      shape: number[];
      sha256_int32_of_mask: string;
      blocked_per_window: number[];
    }[];
  };
  relative_position_index: { window: Vec3; shape: number[]; table_rows: number; sha256_int32: string }[];
  window_attention: { note: string } & Record<string, ModuleCase | string>;
}

const sha256 = (values: Int32Array): string => createHash('sha256').update(values).digest('hex');

beforeAll(async () => {
  await tf.setBackend('cpu');
});

withFixtures<[Blocks]>('windows of the reference', ['swin_blocks.json'], (blocks) => {
  test('windows are cut in the order of window_partition', () => {
    const { x, window, full } = blocks.window_partition;
    const shape = partsOf(/= \(([\d, ]+)\)$/, x)[0]!
      .split(',')
      .map(Number);
    const [batch, d, h, w, channels] = shape as [number, number, number, number, number];
    const { source } = windowLayout([d, h, w], window, [0, 0, 0]);
    const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
    const voxel = (n: number, at: number) => (n * d * h * w + at) * channels;
    const order = upTo(batch).flatMap((n) => Array.from(source, (at) => upTo(channels).map((c) => voxel(n, at) + c)));
    expect(order.flat()).toEqual(full);
  });

  test.each(blocks.get_window_size)('window size of $x_size', ({ x_size, window, shift, out }) => {
    const { window: used, shift: shifted } = windowSize(x_size, window, shift);
    expect([used, shifted]).toEqual(out);
  });

  test.each(blocks.compute_mask.cases)('mask of $dims, window $window, shift $shift', (item) => {
    const mask = shiftMask(item.dims, item.window, item.shift);
    expect(mask.length).toBe(size(item.shape));
    expect(sha256(Int32Array.from(mask))).toBe(item.sha256_int32_of_mask);
  });

  test.each(blocks.relative_position_index)('relative position index of $window', (item) => {
    const index = relativePositionIndex(item.window);
    expect(index.length).toBe(size(item.shape));
    expect(sha256(index)).toBe(item.sha256_int32);
    expect(Math.max(...index)).toBe(item.table_rows - 1);
  });
});

test('padding and the way back cover every voxel once', () => {
  const dims: Vec3 = [5, 7, 3];
  const window: Vec3 = [3, 2, 3];
  const { source, target, padding } = windowLayout(dims, window, [1, 1, 0]);
  expect(source.length).toBe(size(paddedSize(dims, window)));
  expect(Array.from(target, (place) => source[place])).toEqual(Array.from({ length: 105 }, (_, i) => i));
  expect(Array.from(padding).every((place) => source[place] === 105)).toBe(true);
  expect(padding.length + target.length).toBe(source.length);
});

/** MONAI's WindowAttention on windows that are already cut: the volume is laid out so that cutting gives them back. */
function runModule(item: ModuleCase, formula: Formula, dims: Vec3, shift: Vec3) {
  const [rows, heads] = item.state_dict.find(([name]) => name === 'relative_position_bias_table')![1] as [
    number,
    number,
  ];
  const tableWindow = tableWindowOf(rows);
  const { window, shift: used } = windowSize(dims, tableWindow, shift);
  const layout = windowLayout(dims, window, used);
  const [, n, c] = item.x_shape as unknown as Vec3;
  const batch = size(item.x_shape) / size(dims) / c;
  const attrs: WindowAttentionAttrs = {
    tableWindow,
    window,
    shift: used,
    heads,
    scale: (c / heads) ** -0.5,
  };
  const toVolume = (windows: tf.Tensor): tf.Tensor5D => {
    const tokens = tf.reshape(windows, [batch, layout.windows * n, c]);
    return tf.reshape(tf.gather(tokens, tf.tensor1d(layout.target, 'int32'), 1), [batch, ...dims, c]) as tf.Tensor5D;
  };
  const toWindows = (volume: tf.Tensor): tf.Tensor =>
    tf.gather(tf.reshape(volume, [batch, -1, c]), tf.tensor1d(layout.source, 'int32'), 1);
  const value = (key: string, shape: number[]) =>
    tf.tensor(formula.parameterValue(`${item.name}.${key}`, shape), shape);
  const given = (key: string) =>
    toVolume(tf.tensor(formula.uniformArray(`${item.name}.${key}`, item.x_shape), item.x_shape));
  const keys = ['relative_position_bias_table', 'qkv.weight', 'qkv.bias', 'proj.weight', 'proj.bias'];
  const shapes = [[rows, heads], [3 * c, c], [3 * c], [c, c], [c]]; // prettier-ignore
  const parameters = keys.map((key, i) => value(key, shapes[i]!));
  const forward = (x: tf.Tensor, ...p: tf.Tensor[]): tf.Tensor => {
    const [table, weight, bias, outWeight, outBias] = p as [
      tf.Tensor2D,
      tf.Tensor2D,
      tf.Tensor1D,
      tf.Tensor2D,
      tf.Tensor1D,
    ];
    const qkv = linear(x as tf.Tensor5D, weight, bias);
    return linear(windowAttention(qkv, bias, table, attrs), outWeight, outBias);
  };
  const x = given('x');
  const { outputs, gradients } = vjp(() => [forward(x, ...parameters)], [given('g')], [x, ...parameters]);
  const y = toWindows(outputs[0]!).dataSync();
  const [dx, ...grads] = gradients;
  return { y, dx: toWindows(dx!).dataSync(), grads: new Map(keys.map((key, i) => [key, grads[i]!.dataSync()])) };
}

withFixtures<[Blocks]>('WindowAttention of the reference', ['swin_blocks.json'], (blocks) => {
  const formula = new Formula(blocks.seed);
  const { size: whole, window, shift: by } = maskedLayout(blocks.window_attention.note);
  const windows = size(whole) / window ** 3;
  const cases = Object.entries(blocks.window_attention).flatMap(([name, item]) => {
    if (typeof item === 'string') return [];
    const [count, tokens] = item.x_shape as [number, number];
    // As many windows as the masked case has come from one volume; other windows are volumes, too small to be shifted.
    const cut = tokens === window ** 3 && count % windows === 0;
    const shift = cut && name !== 'masked' ? 0 : by;
    return [[name, item, cut ? whole : windowOf(tokens), [shift, shift, shift]] as [string, ModuleCase, Vec3, Vec3]];
  });
  test.each(cases)('%s', (_, item, dims, shift) => {
    const { y, dx, grads } = scoped(() => runModule(item, formula, dims, shift));
    expectSamples(y, item.out, 1e-5);
    expectSamples(dx, item.dx, 3e-5);
    for (const [key, samples] of Object.entries(item.grads)) {
      const actual = grads.get(key)!;
      if (key === 'qkv.bias') {
        // Its key part is zero but for rounding: compared absolutely.
        const worst = Math.max(...samples.idx!.map((at, i) => Math.abs(actual[at]! - samples.values![i]!)));
        expect(worst).toBeLessThan((3e-5 * samples.l2) / Math.sqrt(actual.length));
      } else expectSamples(actual, samples, 3e-5);
    }
  });
});

describe('gradient against finite differences', () => {
  const cases: [string, number[], Vec3, Vec3, Vec3][] = [
    ['padded and shifted, batch 2', [2, 3, 4, 5, 12], [2, 3, 3], [2, 3, 3], [1, 1, 1]],
    ['smaller than the table window', [1, 2, 3, 2, 12], [3, 3, 3], [2, 3, 2], [0, 0, 0]],
    ['one axis shifted', [1, 4, 2, 4, 12], [2, 2, 2], [2, 2, 2], [0, 0, 1]],
    ['window of one voxel on an axis', [1, 2, 1, 4, 12], [2, 1, 2], [2, 1, 2], [1, 0, 1]],
  ];
  test.each(cases)('%s', (_, shape, tableWindow, window, shift) => {
    const attrs = { tableWindow, window, shift, heads: 2, scale: 0.7 };
    const rows = size(tableWindow.map((w) => 2 * w - 1));
    const inputs = [normal('qkv', shape), normal('pad', [12]), normal('table', [rows, 2])];
    const f = (qkv: tf.Tensor, pad: tf.Tensor, table: tf.Tensor) =>
      windowAttention(qkv as tf.Tensor5D, pad as tf.Tensor1D, table as tf.Tensor2D, attrs);
    expect(gradientError(f as (...xs: tf.Tensor[]) => tf.Tensor, inputs)).toBeLessThan(2e-3);
  });
});

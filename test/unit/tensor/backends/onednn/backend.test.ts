import process from 'node:process';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OneDnnBackend } from '../../../../../src/tensor/backends/onednn';
import { loadOneDnn } from '../../../../../src/tensor/backends/onednn';
import { load, packageRoot } from '../../../../../src/tensor/backends/onednn/addon';
import { blockSize, BufferPool } from '../../../../../src/tensor/backends/onednn/pool';
import { accumulate, valueAndGradients, vjp } from '../../../../../src/tensor/autodiff';
import * as ops from '../../../../../src/tensor/ops';
import * as tf from '../../../../../src/tensor/tf';
import { distance, expectSame, numbers, uniform, useOneDnn } from './support';

let backend: OneDnnBackend;
beforeAll(() => void (backend = useOneDnn()));
afterEach(() => void tf.disposeVariables());

describe('loading', () => {
  it('finds the addon from the package', () => {
    expect(packageRoot()).toBe(packageRoot(process.cwd()));
    const loaded = loadOneDnn();
    expect(loaded.ok && loaded.info.version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('says what to do where it is missing', () => {
    const missing = load('/nowhere');
    expect(missing).toEqual({ ok: false, reason: expect.stringContaining('npm run setup') });
    expect(packageRoot('/')).toBeUndefined();
  });
});

describe('pool', () => {
  const addon = { alignment: () => 0, detach: () => undefined };

  /** A part of the run that is told by `seed`: pseudo-random numbers from 0 to `below` - 1. */
  function random(seed: number): (below: number) => number {
    let state = seed;
    return (below) => (state = (state * 48271) % 2147483647) % below;
  }

  it('rounds sizes up to whole cache lines, large ones to whole pages', () => {
    for (const bytes of [0, 1, 64, 65, 1000, 65_535, 65_536, 123_456, 12_582_912, 100_000_001]) {
      const size = blockSize(bytes);
      expect(size).toBeGreaterThanOrEqual(Math.max(bytes, 64));
      expect(size - bytes).toBeLessThanOrEqual(bytes < 65_536 ? 64 : 4095);
      expect(size % 64).toBe(0);
      expect(blockSize(size)).toBe(size);
    }
  });

  it('uses what was returned again, whatever its size', () => {
    const pool = new BufferPool(addon);
    const [a, b, c] = [30_000, 30_000, 20_000].map((bytes) => pool.take(bytes));
    pool.give(a!);
    expect(pool.take(30_000)).toEqual(a);
    pool.give(a!);
    pool.give(b!);
    expect(pool.take(60_000).offset, 'neighbours are one').toBe(a!.offset);
    expect(pool.take(1_000).offset).toBeGreaterThan(c!.offset);
    expect(pool.read()).toMatchObject({ made: 1, liveBlocks: 3 });
  });

  it('never gives two tensors the same memory, and joins all of it again', () => {
    const pool = new BufferPool(addon);
    const next = random(3);
    let live: ReturnType<typeof pool.take>[] = [];
    for (let turn = 0; turn < 3000; turn++) {
      if (live.length > 0 && next(2) === 0) pool.give(live.splice(next(live.length), 1)[0]!);
      else live.push(pool.take(next(20) === 0 ? next(4_000_000) : next(50_000)));
    }
    const byPlace = (a: (typeof live)[0], b: (typeof live)[0]) => a.offset - b.offset;
    for (const buffer of new Set(live.map((block) => block.buffer))) {
      const blocks = live.filter((block) => block.buffer === buffer).sort(byPlace);
      blocks
        .slice(1)
        .forEach((block, i) => expect(block.offset).toBeGreaterThanOrEqual(blocks[i]!.offset + blocks[i]!.bytes));
      expect(blocks.at(-1)!.offset + blocks.at(-1)!.bytes).toBeLessThanOrEqual(buffer.byteLength);
    }
    const held = live.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(pool.read()).toMatchObject({ liveBytes: held, liveBlocks: live.length });
    live.forEach((block) => pool.give(block));
    live = [];
    expect(pool.read().liveBytes).toBe(0);
    pool.trim();
    expect(pool.read()).toMatchObject({ freeBytes: 0, liveBlocks: 0 });
  });

  it('loses little where sizes differ and come back in the reverse order, as in a training step', () => {
    const pool = new BufferPool(addon);
    for (let step = 0; step < 5; step++) {
      const kept = [];
      for (const size of [24, 12, 12, 9, 6, 3, 3, 2, 1]) {
        const [passing, own] = [pool.take(size << 20), pool.take(size << 20)];
        kept.push(own);
        pool.give(passing);
      }
      for (const block of kept.reverse()) {
        const gradient = pool.take(block.bytes);
        pool.give(block);
        pool.give(gradient);
      }
    }
    const { freeBytes, peakLiveBytes } = pool.read();
    expect(freeBytes).toBeLessThan(1.1 * peakLiveBytes);
  });

  it('hands out aligned memory', () => {
    for (const size of [1, 100, 5000, 100_000]) {
      const values = backend.floats(tf.zeros([size]));
      expect((values.byteOffset - backend.addon.alignment(values.buffer as ArrayBuffer)) % 64).toBe(0);
    }
  });
});

describe('tensors', () => {
  it('own their values: neither the source, nor a read copy, nor a slice shares them', () => {
    const source = Float32Array.of(1, 2, 3, 4);
    const x = tf.tensor1d(source);
    source[0] = 9;
    const copy = x.dataSync();
    copy[1] = 9;
    const part = tf.slice(x, 2, 2);
    const ints = tf.tensor1d([1, 2, 3, 4], 'int32');
    const some = tf.slice(ints, 1, 2);
    tf.dispose([x, ints]);
    tf.fill([4], 7);
    tf.fill([4], 7, 'int32');
    expect([...part.dataSync(), ...some.dataSync()]).toEqual([3, 4, 2, 3]);
    expect([...copy]).toEqual([1, 9, 3, 4]);
  });

  it('keep shared values until the last of them is disposed', () => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const flat = tf.reshape(x, [4]);
    const same = tf.clone(x);
    x.dispose();
    same.dispose();
    expect([...flat.dataSync()]).toEqual([1, 2, 3, 4]);
    const blocks = backend.poolStats().liveBlocks;
    flat.dispose();
    expect(backend.poolStats().liveBlocks).toBe(blocks - 1);
  });

  it('come from and go to other backends, strings and complex numbers included', async () => {
    const x = tf.tensor1d([1, 2, 3]);
    void tf.setBackend('cpu');
    const doubled = tf.mul(x, 2);
    void tf.setBackend('onednn');
    expect([...tf.add(doubled, x).dataSync()]).toEqual([3, 6, 9]);
    expect([...(await tf.tensor1d(['a', 'b']).data())]).toEqual(['a', 'b']);
    const z = tf.mul(tf.complex([1, 2], [3, 4]), tf.complex([0, 0], [1, 1]));
    expect([...tf.real(z).dataSync(), ...tf.imag(z).dataSync()]).toEqual([-3, -4, 1, 2]);
    expect([...tf.zeros([0, 3]).dataSync()]).toEqual([]);
    expect(tf.add(tf.zeros([0, 3]), tf.zeros([3])).shape).toEqual([0, 3]);
  });

  it('reads a fallback kernel right although it frees its intermediates', () => {
    // einsum, cumsum along a middle axis and top-k free transposed copies inside the kernel.
    const x = uniform('x', [4, 5, 6]);
    const result = [tf.cumsum(x, 1), tf.topk(x, 3).values, tf.einsum('ijk->kj', x)].map(numbers);
    void tf.setBackend('cpu');
    const expected = [tf.cumsum(x, 1), tf.topk(x, 3).values, tf.einsum('ijk->kj', x)].map(numbers);
    void tf.setBackend('onednn');
    result.forEach((values, i) => expect(distance(values, expected[i]!)).toBeLessThan(1e-6));
  });
});

describe('a training step', () => {
  const own = <R extends tf.Rank>(values: () => tf.Tensor<R>): tf.Variable<R> => tf.tidy(() => tf.variable(values()));
  const make = () => ({
    filter: own(() => uniform('filter', [3, 3, 3, 4, 8], 0.2) as tf.Tensor5D),
    weight: own(() => uniform('weight', [24, 8], 0.2) as tf.Tensor2D),
    bias: own(() => uniform('bias', [24], 0.2) as tf.Tensor1D),
    table: own(() => uniform('table', [27, 2], 0.2) as tf.Tensor2D),
  });
  const attrs = { tableWindow: [2, 2, 2], window: [2, 2, 2], shift: [1, 1, 1], heads: 2, scale: 0.5 } as const;
  const loss = (p: ReturnType<typeof make>, x: tf.Tensor5D): tf.Scalar => {
    const y = ops.instanceNorm(ops.conv3d(x, p.filter, { padding: 1 }), { slope: 0.01 });
    const qkv = ops.linear(ops.layerNorm(y), p.weight, p.bias);
    const mixed = ops.windowAttention(qkv, p.bias, p.table, attrs as unknown as ops.WindowAttentionAttrs);
    return tf.mean(tf.square(tf.sub(ops.gelu(ops.addLeakyRelu(mixed, y)), 0.3)));
  };

  const train = (steps: number): { losses: number[]; weights: number[] } => {
    const p = make();
    const x = uniform('x', [1, 5, 4, 6, 4]) as tf.Tensor5D;
    const slots = Object.values(p).map((v) => [1, 2, 3].map(() => own(() => tf.zerosLike(v))));
    const losses: number[] = [];
    for (let step = 1; step <= steps; step++) {
      const variables = Object.values(p);
      const { value, gradients } = valueAndGradients(() => ({ loss: loss(p, x) }), variables);
      losses.push(value.loss.dataSync()[0]!);
      const settings = { rate: 1e-2, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01, amsgrad: true, step } as const;
      const slot = (i: number) => slots.map((s) => s[i]!.dataId);
      const [parameters, slopes] = [variables, gradients as tf.Tensor[]].map((each) => each.map((t) => t.dataId));
      const tensors = { parameters: parameters!, gradients: slopes!, m: slot(0), v: slot(1), vmax: slot(2) };
      backend.adamwStep(tensors, settings);
      tf.dispose([value.loss, ...(gradients as tf.Tensor[])]);
    }
    x.dispose();
    return { losses, weights: numbers(p.filter) };
  };

  it('lowers the loss, and gives the same bits again', () => {
    const first = train(12);
    const second = train(12);
    expect(first.losses[11]!).toBeLessThan(0.8 * first.losses[0]!);
    expect(second.losses).toEqual(first.losses);
    expect(second.weights).toEqual(first.weights);
  });

  it('does not grow over 500 steps', () => {
    train(20);
    tf.disposeVariables();
    const resident = process.memoryUsage.rss();
    const before = { ...backend.poolStats(), tensors: tf.memory().numTensors };
    train(500);
    tf.disposeVariables();
    const after = { ...backend.poolStats(), tensors: tf.memory().numTensors };
    expect(after.tensors).toBe(before.tensors);
    expect(after.liveBytes).toBe(before.liveBytes);
    expect(after.made - before.made).toBeLessThan(10);
    expect(process.memoryUsage.rss() - resident).toBeLessThan(64 * 2 ** 20);
  });

  it('is the same on any number of threads but for rounding', () => {
    const two = train(4);
    backend.setThreads(1);
    const one = train(4);
    backend.setThreads(2);
    one.losses.forEach((l, i) => expect(l).toBeCloseTo(two.losses[i]!, 5));
  });

  it('gives memory back when trimmed', () => {
    const big = tf.zeros([2 ** 27]);
    const held = backend.poolStats();
    big.dispose();
    backend.trim();
    const after = backend.poolStats();
    expect(after.liveBytes + after.freeBytes).toBeLessThanOrEqual(held.liveBytes + held.freeBytes - 2 ** 29);
    expect(after.scratchBytes).toBe(0);
    expect(train(1).losses[0]).toBeGreaterThan(0);
  });
});

describe('updates in place', () => {
  it('moves a teacher towards its student', () => {
    const [teacher, student] = [tf.variable(tf.tensor1d([1, 2, 3])), tf.tensor1d([2, 2, -1])];
    backend.emaStep([teacher.dataId], [student.dataId], 0.75);
    expect([...teacher.dataSync()]).toEqual([1.25, 2, 2]);
  });

  it('sums squares, adds and scales', () => {
    const [a, b] = [tf.tensor1d([3, 4]), tf.tensor1d([1, -2])];
    expect(backend.sumOfSquares([a.dataId, b.dataId])).toBe(30);
    backend.accumulate(a.dataId, b.dataId);
    backend.scaleInPlace([a.dataId], 0.5);
    expect([...a.dataSync()]).toEqual([2, 1]);
  });
});

describe('gradients added in place', () => {
  it('takes the memory of one that nobody shares', () => {
    const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([10, 20])];
    const memory = a.dataId;
    const [sum] = accumulate([a], [b]) as [tf.Tensor];
    expect([sum.dataId === memory, b.isDisposed, numbers(sum)]).toEqual([true, true, [11, 22]]);
  });

  it('leaves alone what another tensor shares', () => {
    const a = tf.tensor1d([1, 2]);
    const [view, shape] = [tf.clone(a), tf.reshape(a, [2, 1])];
    const b = tf.tensor1d([10, 20]);
    const [sum] = accumulate([a], [b]) as [tf.Tensor];
    expect(numbers(sum)).toEqual([11, 22]);
    expect([numbers(view), numbers(shape)]).toEqual([[1, 2], [1, 2]]); // prettier-ignore
    const [twice] = accumulate([view], [tf.clone(view)]) as [tf.Tensor];
    expect([numbers(twice), numbers(shape)]).toEqual([[2, 4], [1, 2]]); // prettier-ignore
  });

  it('of a tensor used several times, one gradient being handed to two inputs', () => {
    const compute = () => {
      const x = uniform('x', [3, 4]);
      const dy = uniform('dy', [3, 4]);
      const kept = numbers(dy);
      const { gradients } = vjp(() => [tf.add(tf.add(x, x), tf.add(tf.mul(x, x), tf.reshape(x, [3, 4])))], [dy], [x]);
      expect(numbers(dy)).toEqual(kept);
      return gradients as tf.Tensor[];
    };
    expectSame(compute);
  });
});

describe('wrong use', () => {
  it('is an error, not a crash', () => {
    const { addon } = backend;
    const short = new Float32Array(2);
    expect(() => addon.unary(0, short, short, 3, 0)).toThrow(/holds 2 numbers of 3/);
    expect(() => addon.unary(0, [] as unknown as Float32Array, short, 2, 0)).toThrow(/Float32Array/);
    expect(() => addon.copy(short, 0, short, 1, [2], [1], [1])).toThrow(/outside/);
    expect(() => addon.conv(0, [1, 2], short, short, null, short, 0)).toThrow(/21 numbers/);
    expect(() =>
      addon.attention([1, 2, 2, 2, 4, 3, 2, 2, 2, 2, 2, 2, 0, 0, 0], 1, short, short, short, short, 0),
    ).toThrow();
  });
});

/** Products in bfloat16: emulated on any processor with AVX2, and by the processor where it can. */
import type { Vec3 } from '../../../../../src/geometry';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { afterAll, describe, expect, it } from 'vitest';
import { listDevices, selfTest, useDevice } from '../../../../../src/tensor/backends';
import { bf16Support, Multiply } from '../../../../../src/tensor/backends/onednn/bf16';
import * as ops from '../../../../../src/tensor/ops';
import * as tf from '../../../../../src/tensor/tf';
import { distance, expectSame, numbers, uniform, useOneDnn } from './support';

const backend = useOneDnn();
const ways = Object.entries(Multiply).filter(([name, way]) => name !== 'float32' && backend.addon.supports(way));
afterAll(() => void (backend.multiply = Multiply.float32));

type Function = (...inputs: tf.Tensor[]) => tf.Tensor;
interface Case {
  name: string;
  shapes: number[][];
  f: Function;
}

const conv =
  (options: ops.ConvOptions): Function =>
  (x, filter, bias?: tf.Tensor) =>
    ops.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, { ...options, bias: bias as tf.Tensor1D | undefined });
const linear: Function = (x, w, bias?: tf.Tensor) => ops.linear(x!, w as tf.Tensor2D, bias as tf.Tensor1D | undefined);
const filter = (inputs: number, outputs: number): number[] => [3, 3, 3, inputs, outputs];

const cases: Case[] = [
  { name: 'patches', shapes: [[2, 4, 6, 2, 3], [2, 2, 2, 3, 6], [6]], f: conv({ stride: 2 }) },
  { name: 'one voxel', shapes: [[1, 1, 1, 1, 8], filter(8, 8), [8]], f: conv({ padding: 1 }) },
  { name: 'odd channels', shapes: [[1, 9, 9, 9, 17], filter(17, 5)], f: conv({ stride: 2, padding: 1 }) },
  { name: 'few channels', shapes: [[1, 7, 8, 9, 1], filter(1, 16)], f: conv({ padding: 1 }) },
  { name: 'deep', shapes: [[2, 2, 2, 2, 112], filter(112, 352)], f: conv({ padding: 1 }) },
  { name: 'minimal filtering', shapes: [[1, 8, 8, 8, 16], filter(16, 16), [16]], f: conv({ padding: 1 }) },
  { name: 'minimal filtering, odd', shapes: [[2, 5, 7, 9, 16], filter(16, 48)], f: conv({ padding: [1, 0, 2] }) },
  { name: 'dense', shapes: [[4, 5, 4, 48], [144, 48], [144]], f: linear },
  { name: 'dense, odd', shapes: [[67, 7], [3, 7], [3]], f: linear },
  { name: 'dense, one channel', shapes: [[65, 1], [1, 1], [1]], f: linear },
  {
    name: 'transposed',
    shapes: [[2, 3, 2, 4, 6], [2, 2, 2, 3, 6], [3]],
    f: (x, w, bias) =>
      ops.convTranspose3d(x as tf.Tensor5D, w as tf.Tensor5D, { stride: 2, bias: bias as tf.Tensor1D }),
  },
]; // prettier-ignore

/** The case's value and gradients, `make` giving the inputs and the gradient of the output. */
const evaluate =
  ({ shapes, f }: Case, make: (name: string, shape: number[]) => tf.Tensor) =>
  (): tf.Tensor[] => {
    const inputs = shapes.map((shape, i) => make(`input${i}`, shape));
    const weighted: Function = (...xs) => {
      const y = f(...xs);
      return tf.sum(tf.mul(y, make('weight', y.shape)));
    };
    return [f(...inputs), ...tf.grads(weighted)(inputs)];
  };

/** Whole numbers so small that they, sums of eight, and an eighth of 27 filter taps have eight bits: nothing is rounded. */
function exact(name: string, shape: number[]): tf.Tensor {
  const step = name === 'input1' ? 8 : 1;
  return tf.mul(tf.round(tf.mul(uniform(name, shape), name === 'input1' ? 1 : 3)), step);
}

function valuesOf(compute: () => tf.Tensor[]): number[][] {
  return tf.tidy(() => compute().map(numbers));
}

/** Root mean squares of relative errors against float32, of the output and of each gradient. */
function errors(compute: () => tf.Tensor[], way: number): number[] {
  backend.multiply = Multiply.float32;
  const expected = valuesOf(compute);
  backend.multiply = way;
  return valuesOf(compute).map((values, i) => distance(values, expected[i]!));
}

/** CPUID's and XCR0's bits of a Sapphire Rapids processor, and what oneDNN makes of it. */
const sapphireRapids = {
  leaf1Ecx: 2 ** 27 + 2 ** 12,
  leaf7Ebx: 2 ** 16 + 2 ** 17 + 2 ** 30 + 2 ** 31,
  leaf7Edx: 2 ** 22 + 2 ** 24,
  leaf7Part1Eax: 2 ** 5,
  xcr0: 0x600e7,
  onednn: 0x3e7,
  tilesGranted: 1,
};

describe('what may be executed', () => {
  const found = (changes: Partial<typeof sapphireRapids>) =>
    backend.addon.bf16Of(Object.values({ ...sapphireRapids, ...changes }));
  const without = (key: keyof typeof sapphireRapids, ...bits: number[]) =>
    bits.map((bit) => found({ [key]: Number(BigInt(sapphireRapids[key]) & ~(1n << BigInt(bit))) }));
  const [all, vectors, none] = [
    { avx512: true, amx: true },
    { avx512: true, amx: false },
    { avx512: false, amx: false },
  ];

  it('is all on a processor that has all', () => expect(found({})).toEqual(all));

  it('is nothing without AVX-512, AVX512-BF16, or a system that saves their registers', () => {
    const missing = [
      ...without('leaf1Ecx', 12, 27),
      ...without('leaf7Ebx', 16, 17, 30, 31),
      ...without('leaf7Part1Eax', 5),
      ...without('xcr0', 1, 2, 5, 6, 7),
      found({ onednn: 0x67 }),
      found({ xcr0: 0 }),
    ];
    for (const each of missing) expect(each).toEqual(none);
  });

  it('is AVX-512 alone without tiles, their registers, or the permission to use them', () => {
    const missing = [
      ...without('leaf7Edx', 22, 24),
      ...without('xcr0', 17, 18),
      found({ onednn: 0xe7 }),
      found({ tilesGranted: 0 }),
    ];
    for (const each of missing) expect(each).toEqual(vectors);
  });

  it('is never more than the processor has', () => {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
    const { avx512, amx } = backend.addon.bf16();
    expect(!avx512 || flags.includes('avx512_bf16')).toBe(true);
    expect(!amx || flags.includes('amx_bf16')).toBe(true);
    expect(backend.addon.supports(Multiply.bf16)).toBe(avx512);
  });
});

describe('"precision": "bf16"', () => {
  it('is refused where the processor lacks it, and says what it lacks', async () => {
    const lacking = { bf16: () => ({ avx512: false, amx: false }), supports: () => false };
    expect(bf16Support(lacking, undefined)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('AVX512-BF16'),
    });
    expect(bf16Support(lacking, '1')).toMatchObject({ ok: false, reason: expect.stringContaining('AVX2') });
    expect(bf16Support({}, '1')).toMatchObject({ ok: false, reason: expect.stringContaining('build:native') });
    if (backend.addon.supports(Multiply.bf16)) return;
    const refused = useDevice('onednn', { precision: 'bf16' });
    await expect(refused).rejects.toThrow(/^device onednn .*neither AVX512-BF16 nor AMX-BF16.* "float32"$/);
    const listed = (await listDevices()).find((device) => device.name === 'onednn');
    expect(listed).toMatchObject({ precisions: ['float32'], lacks: { bf16: expect.stringContaining('AMX-BF16') } });
    await expect(useDevice('auto', { precision: 'bf16' })).rejects.toThrow(/neither AVX512-BF16/);
  });

  it('is told apart: vectors, tiles, emulation', () => {
    const having = { bf16: () => ({ avx512: true, amx: true }), supports: () => true };
    expect(bf16Support(having, undefined)).toEqual({ ok: true, multiply: 1, how: 'bf16 by AVX512-BF16 and AMX' });
    expect(bf16Support(having, '1')).toMatchObject({ ok: true, multiply: 2, how: expect.stringContaining('emulated') });
    expect(bf16Support(having, 'amx')).toMatchObject({ ok: true, multiply: 3 });
  });

  it('sets the layers, and float32 sets them back', async () => {
    process.env.VOCO_EMULATE_BF16 = '1';
    try {
      const info = await useDevice('onednn', { precision: 'bf16' });
      expect(info).toMatchObject({ precision: 'bf16', description: expect.stringContaining('emulated') });
      expect(backend.multiply).toBe(Multiply.emulated);
      expect(await selfTest()).toBeUndefined();
      await useDevice('onednn');
      expect(backend.multiply).toBe(Multiply.float32);
    } finally {
      delete process.env.VOCO_EMULATE_BF16;
    }
  });
});

/** Largest relative error of rounding to the eight bits of bfloat16. */
const UNIT = 2 ** -8;

describe.each(ways)('%s', (_, way) => {
  it('multiplies numbers of eight bits exactly', () => {
    for (const item of cases) {
      backend.multiply = way;
      expectSame(evaluate(item, exact), 3e-6);
    }
  });

  it('rounds others as bfloat16 does, and sums in float32', () => {
    // Minimal filtering rounds sums of eight numbers, so that its error is about twice that of a plain sum of products.
    for (const item of cases.filter((each) => each.name !== 'deep')) {
      errors(evaluate(item, uniform), way).forEach((error, i) => {
        expect(error, `${item.name}, result ${i}`).toBeLessThan(2 * UNIT);
      });
    }
    const [output, ...gradients] = errors(evaluate(cases[7]!, uniform), way);
    expect(Math.min(output!, ...gradients.slice(0, 2)), 'it rounds at all').toBeGreaterThan(UNIT / 8);
    expect(gradients[2], 'the gradient of a bias is a sum').toBeLessThan(1e-6);
  });

  it('leaves dense layers of few rows, as the projector, in float32', () => {
    const few: Case = { name: 'few rows', shapes: [[9, 48], [24, 48], [24]], f: linear }; // prettier-ignore
    for (const error of errors(evaluate(few, uniform), way)) expect(error).toBeLessThan(1e-6);
  });

  it('attends', () => {
    const attrs = (window: Vec3, shift: Vec3, heads: number, depth: number) => ({
      tableWindow: window, window, shift, heads, scale: depth ** -0.5,
    }); // prettier-ignore
    const sizes: [Vec3, Vec3, Vec3, number, number][] = [
      [[5, 7, 3], [3, 3, 2], [1, 1, 1], 2, 16],
      [[4, 4, 4], [4, 4, 4], [0, 0, 0], 3, 16],
      [[7, 7, 8], [7, 7, 7], [0, 0, 3], 1, 5],
      [[1, 1, 1], [1, 1, 1], [0, 0, 0], 1, 3],
    ]; // prettier-ignore
    for (const [size, window, shift, heads, depth] of sizes) {
      const rows = window.reduce((n, w) => n * (2 * w - 1), 1);
      const item: Case = {
        name: `attention ${size.join('×')}`,
        shapes: [[1, ...size, 3 * heads * depth], [3 * heads * depth], [rows, heads]],
        f: (qkv, pad, table) =>
          ops.windowAttention(
            qkv as tf.Tensor5D, pad as tf.Tensor1D, table as tf.Tensor2D, attrs(window, shift, heads, depth),
          ), // prettier-ignore
      };
      // The gradient with respect to q, k and the table is a small difference of numbers that were rounded.
      const found = errors(evaluate(item, uniform), way);
      found.forEach((error, i) => expect(error, `${item.name}, result ${i}`).toBeLessThan(4 * UNIT));
    }
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useDevice } from '../../../../../src/tensor/backends';
import {
  FLOAT16,
  FLOAT16_IN_FLOAT32,
  FLOAT32,
  MATRIX_FEATURE,
  matrixUnit,
  type Arithmetic,
} from '../../../../../src/tensor/backends/webgpu/arithmetic';
import { dispatch, type GpuBackend } from '../../../../../src/tensor/backends/webgpu/device';
import { proveMatrices } from '../../../../../src/tensor/backends/webgpu/matrixTrial';
import { probeAdapters, webgpuModule } from '../../../../../src/tensor/backends/webgpuProbe';
import { startWebgpu } from '../../../../../src/tensor/backends/webgpuDevice';
import * as tf from '../../../../../src/tensor/tf';
import { deviceNeed, releaseBackends } from '../../../../support/backends';
import { needs } from '../../../../support/needs';
import { normal, relativeError } from '../../support';
import { attention, conv, dense, outputAndGradients, transposedConv, type Case } from './support';

const webgpu = await deviceNeed('webgpu');
afterAll(releaseBackends);

const backend = (): GpuBackend => tf.backend() as unknown as GpuBackend;

/** To float16's 11 bits, the nearest, ties to even (Veltkamp's splitting). */
function toFloat16(values: Float32Array): Float32Array {
  return values.map((value) => {
    const scaled = value * (2 ** 42 + 1);
    return scaled - (scaled - value);
  });
}

/** Labels of the pipelines that `work` makes. */
async function pipelinesOf(work: () => Promise<unknown>): Promise<string[]> {
  const { device } = backend();
  const labels: string[] = [];
  const create = device.createComputePipeline.bind(device);
  device.createComputePipeline = (descriptor) => {
    labels.push(descriptor.label!);
    return create(descriptor);
  };
  await work().finally(() => (device.createComputePipeline = create));
  return labels;
}

const threadCases: Case[] = [
  { name: 'convolution', shapes: [[1, 4, 5, 6, 8], [3, 3, 3, 8, 12]], operation: conv([1, 1, 1], [1, 1, 1]) },
  { name: 'convolution, odd channels', shapes: [[1, 3, 3, 4, 3], [2, 2, 2, 3, 5]], operation: conv([2, 1, 1], [0, 0, 0]) },
  { name: 'linear', shapes: [[2, 9, 16], [24, 16]], operation: dense },
]; // prettier-ignore

const matrixCases: Case[] = [
  { name: 'convolution, phases', shapes: [[1, 5, 6, 6, 16], [3, 3, 3, 16, 20], [20]], operation: conv([2, 2, 2], [1, 1, 1]) },
  { name: 'transposed convolution', shapes: [[1, 3, 4, 5, 24], [2, 2, 2, 16, 24]], operation: transposedConv([2, 2, 2]) },
  { name: 'linear, odd sizes', shapes: [[37, 19], [23, 19], [23]], operation: dense },
  { name: 'linear, split sums', shapes: [[18, 259], [20, 259], [20]], operation: dense },
]; // prettier-ignore

const attentions: Case[] = [
  attention('shifted, padding', 1, [5, 4, 6], [1, 1, 1], 2, 8, [3, 3, 3]),
  attention('heads of odd width', 1, [3, 3, 3], [0, 0, 0], 1, 3, [2, 2, 2]),
];

/** float32 operands in matrices of 4, their instructions written out. */
const EMULATED: Arithmetic = { ...FLOAT32, matrices: { m: 4, n: 4, k: 4, lanes: 4, emulated: true } };

needs(webgpu).describe('float16 in float32 and emulated matrices against the compositions on cpu', () => {
  beforeAll(async () => {
    await useDevice('webgpu');
  });
  afterAll(() => void (backend().arithmetic = FLOAT32));

  async function onCpu(it: Case, round?: (values: Float32Array) => Float32Array): Promise<ArrayLike<number>[]> {
    await tf.setBackend('cpu');
    const values = await outputAndGradients(it, round);
    await tf.setBackend('webgpu');
    return values;
  }

  test.each(threadCases)('operands of $name are rounded to float16, sums are not', async (it) => {
    const expected = await onCpu(it, toFloat16);
    const unrounded = await onCpu(it);
    backend().arithmetic = FLOAT16_IN_FLOAT32;
    const actual = await outputAndGradients(it);
    expected.forEach((values, i) => {
      expect(relativeError(actual[i]!, values)).toBeLessThan(2e-5);
      expect(relativeError(actual[i]!, unrounded[i]!)).toBeGreaterThan(1e-4);
    });
  });

  test.each(attentions)('attention: $name', async (it) => {
    const expected = await onCpu(it);
    backend().arithmetic = FLOAT16_IN_FLOAT32;
    const actual = await outputAndGradients(it);
    expected.forEach((values, i) => {
      expect(relativeError(actual[i]!, values)).toBeLessThan(4e-3);
      expect(relativeError(actual[i]!, values)).toBeGreaterThan(1e-5);
    });
  });

  test('an operand too large for float16 is an infinity, which loss scaling sees', async () => {
    backend().arithmetic = FLOAT16_IN_FLOAT32;
    const y = dense(tf.fill([1, 4], 1e5), tf.ones([4, 4]));
    expect(Array.from(await y.data())).toEqual([Infinity, Infinity, Infinity, Infinity]);
  });

  test.each(matrixCases)('matrices: $name', async (it) => {
    const expected = await onCpu(it);
    backend().arithmetic = EMULATED;
    let actual: ArrayLike<number>[] = [];
    const labels = await pipelinesOf(async () => (actual = await outputAndGradients(it)));
    expect(labels.filter((label) => label.includes('matrices'))).toHaveLength(3);
    expected.forEach((values, i) => expect(relativeError(actual[i]!, values)).toBeLessThan(2e-5));
  });

  test('matrices of float16 operands', async () => {
    const [, , linear] = matrixCases as [Case, Case, Case];
    const withoutBias = { ...linear, shapes: linear.shapes.slice(0, 2) };
    const expected = await onCpu(withoutBias, toFloat16);
    backend().arithmetic = { ...EMULATED, ...FLOAT16_IN_FLOAT32 };
    const actual = await outputAndGradients(withoutBias);
    expected.forEach((values, i) => expect(relativeError(actual[i]!, values)).toBeLessThan(2e-5));
  });

  test('products too small for matrices are left to threads', async () => {
    backend().arithmetic = EMULATED;
    const labels = await pipelinesOf(() => dense(normal('x', [5, 32]), normal('w', [32, 32])).data());
    expect(labels.some((label) => label.includes('gemm'))).toBe(true);
    expect(labels.some((label) => label.includes('matrices'))).toBe(false);
  });

  test('matrix instructions that a device refuses are given up, and it goes on', async () => {
    backend().arithmetic = EMULATED;
    expect(await proveMatrices()).toBe(true);
    backend().arithmetic = { ...FLOAT32, matrices: { m: 8, n: 8, k: 8, lanes: 4 } };
    expect(await proveMatrices()).toBe(false);
    expect(backend().arithmetic.matrices).toBeUndefined();
    expect(Array.from(await dense(tf.ones([16, 16]), tf.ones([16, 16])).data())).toEqual(Array(256).fill(16));
  });
});

/** Dawn's device without hardware: it compiles and checks shaders and computes nothing. */
const NULL_DEVICE = ['backend=null'];

needs({ present: webgpuModule() !== undefined, missing: 'npm’s webgpu is not installed' }).describe(
  'shaders that no device here can run are valid',
  () => {
    const unit = { m: 16, n: 16, k: 16, lanes: 64 };
    const variants: [string, Arithmetic][] = [
      ['float16', FLOAT16],
      ['float16 in matrices', { ...FLOAT16, matrices: unit }],
      ['float32 in matrices', { ...FLOAT32, matrices: { ...unit, m: 8, n: 8, k: 8 } }],
    ];

    test.each(variants)('%s', async (_, arithmetic) => {
      await startWebgpu(NULL_DEVICE, arithmetic);
      const labels = await pipelinesOf(async () => {
        for (const it of [...threadCases, ...matrixCases, ...attentions]) await outputAndGradients(it);
      });
      expect(labels.filter((label) => label.includes(arithmetic.key)).length).toBeGreaterThan(20);
      expect(labels.some((label) => label.includes('matrices'))).toBe(arithmetic.matrices !== undefined);
    });

    test('one that is not valid is noticed', async () => {
      await startWebgpu(NULL_DEVICE, FLOAT16);
      expect(backend().device.features.has('shader-f16')).toBe(true);
      const x = tf.zeros([1]);
      dispatch(backend(), { key: 'invalid', source: () => 'fn main() { let x: f16 = 1; }', workgroups: [1, 1, 1] }, [
        x,
      ]);
      await expect(x.data()).rejects.toThrow('webgpu: the device reports an error');
    });
  },
);

describe('matrixUnit', () => {
  const info = (subgroupMatrixConfigs: object[], subgroupMinSize = 32): GPUAdapterInfo =>
    ({ subgroupMatrixConfigs, subgroupMinSize, subgroupMaxSize: 32 }) as unknown as GPUAdapterInfo;
  const config = (componentType: string, M: number, K: number, resultComponentType = 'f32') => ({
    componentType,
    resultComponentType,
    M,
    N: M,
    K,
  });

  test('the largest with operands of the type and float32 sums', () => {
    const configs = [config('f16', 8, 8), config('f16', 16, 16), config('f16', 16, 16, 'f16'), config('f32', 8, 8)];
    expect(matrixUnit(info(configs), 'f16')).toEqual({ m: 16, n: 16, k: 16, lanes: 32 });
    expect(matrixUnit(info(configs), 'f32')).toEqual({ m: 8, n: 8, k: 8, lanes: 32 });
  });

  test('none where sums are float16, sides do not fit the tiles, or subgroups vary', () => {
    expect(matrixUnit(info([config('f16', 16, 16, 'f16')]), 'f16')).toBeUndefined();
    expect(matrixUnit(info([config('f16', 32, 16), config('f16', 16, 32)]), 'f16')).toBeUndefined();
    expect(matrixUnit(info([config('f16', 16, 16)], 8), 'f16')).toBeUndefined();
    expect(matrixUnit({} as GPUAdapterInfo, 'f16')).toBeUndefined();
  });
});

needs(webgpu).describe('the precision float16', () => {
  test('is a device’s where its adapter has shader-f16, else refused with the reason', async () => {
    const { adapters } = await probeAdapters();
    if (adapters[0]!.float16) {
      expect((await useDevice('webgpu', { precision: 'float16' })).precision).toBe('float16');
      expect(backend().arithmetic.type).toBe('f16');
    } else {
      await expect(useDevice('webgpu', { precision: 'float16' })).rejects.toThrow(
        /device webgpu does not compute in float16 \(.* has no shader-f16\): set "precision" to "float32"/,
      );
    }
    await expect(useDevice('onednn', { precision: 'float16' })).rejects.toThrow('does not compute in float16');
  });

  test('matrix instructions are asked for where the adapter has them', async () => {
    await startWebgpu(NULL_DEVICE, FLOAT16);
    // Dawn's null adapter has the feature and no kind of matrix.
    expect(backend().arithmetic.matrices).toBeUndefined();
    expect(backend().device.features.has(MATRIX_FEATURE as GPUFeatureName)).toBe(false);
  });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { useDevice } from '../../../../../src/tensor/backends';
import { addLeakyRelu, averagePool3d, gelu, groupNorm, instanceNorm, layerNorm } from '../../../../../src/tensor/ops';
import { Kernel } from '../../../../../src/tensor/ops/kernels';
import * as tf from '../../../../../src/tensor/tf';
import { deviceNeed, releaseBackends } from '../../../../support/backends';
import { needs } from '../../../../support/needs';
import { relativeError } from '../../support';
import { attention, conv, dense, outputAndGradients, transposedConv, type Case } from './support';

const webgpu = await deviceNeed('webgpu');

beforeAll(async () => {
  if (webgpu.present) await useDevice('webgpu');
});
afterAll(releaseBackends);

async function compare(it: Case): Promise<void> {
  await tf.setBackend('cpu');
  const expected = await outputAndGradients(it);
  await tf.setBackend('webgpu');
  const tensors = tf.memory().numTensors;
  const actual = await outputAndGradients(it);
  expect(tf.memory().numTensors).toBe(tensors);
  expected.forEach((values, i) => {
    const what = i === 0 ? 'output' : `gradient of input ${i - 1}`;
    expect(relativeError(actual[i]!, values), what).toBeLessThan(it.tolerance ?? 2e-5);
  });
}

const convolutions: Case[] = [
  { name: '3×3×3, channels in fours', shapes: [[2, 5, 4, 6, 8], [3, 3, 3, 8, 12], [12]], operation: conv([1, 1, 1], [1, 1, 1]) },
  { name: '3×3×3, odd channels', shapes: [[1, 4, 3, 5, 3], [3, 3, 3, 3, 5], [5]], operation: conv([1, 1, 1], [1, 1, 1]) },
  { name: 'one input channel', shapes: [[2, 6, 6, 6, 1], [3, 3, 3, 1, 12], [12]], operation: conv([1, 1, 1], [1, 1, 1]) },
  { name: 'patch embedding', shapes: [[2, 6, 4, 8, 1], [2, 2, 2, 1, 12], [12]], operation: conv([2, 2, 2], [0, 0, 0]) },
  { name: '1×1×1 to 14 classes', shapes: [[1, 4, 4, 4, 12], [1, 1, 1, 12, 14], [14]], operation: conv([1, 1, 1], [0, 0, 0]) },
  { name: 'strides that do not cover the input', shapes: [[1, 6, 5, 7, 4], [3, 2, 3, 4, 4], [4]], operation: conv([2, 2, 3], [1, 0, 1]) },
  { name: 'few voxels, many channels: split sums', shapes: [[1, 2, 2, 2, 64], [3, 3, 3, 64, 72], [72]], operation: conv([1, 1, 1], [1, 1, 1]) },
  { name: 'one voxel', shapes: [[1, 1, 1, 1, 4], [3, 3, 3, 4, 4], [4]], operation: conv([1, 1, 1], [1, 1, 1]) },
  { name: 'several tiles', shapes: [[1, 6, 7, 8, 4], [3, 3, 3, 4, 100], [100]], operation: conv([1, 1, 1], [1, 1, 1]) },
  { name: 'transposed, 2×2×2 stride 2', shapes: [[2, 3, 2, 4, 8], [2, 2, 2, 4, 8]], operation: transposedConv([2, 2, 2]) },
  { name: 'transposed, overlapping', shapes: [[1, 2, 3, 2, 3], [3, 2, 3, 2, 3]], operation: transposedConv([1, 2, 2]) },
]; // prettier-ignore

const products: Case[] = [
  { name: 'linear', shapes: [[2, 3, 5, 16], [24, 16], [24]], operation: dense },
  { name: 'linear, odd sizes', shapes: [[7, 5], [3, 5], [3]], operation: dense },
  { name: 'linear, many rows', shapes: [[700, 12], [36, 12], [36]], operation: dense },
  { name: 'linear, wide', shapes: [[3, 520], [130, 520], [130]], operation: dense },
];

const group =
  (groups: number, slope: number): Case['operation'] =>
  (x, gamma, beta, residual) =>
    groupNorm(x as tf.Tensor5D, {
      groups,
      gamma: gamma as tf.Tensor1D,
      beta: beta as tf.Tensor1D,
      residual: residual as tf.Tensor5D,
      slope,
    });

const norms: Case[] = [
  { name: 'layerNorm', shapes: [[3, 5, 12], [12], [12]], operation: (x, g, b) => layerNorm(x!, { gamma: g as tf.Tensor1D, beta: b as tf.Tensor1D }) },
  { name: 'layerNorm, wide rows', shapes: [[5, 384]], operation: (x) => layerNorm(x!) },
  { name: 'layerNorm, many rows, scale only', shapes: [[1000, 7], [7]], operation: (x, g) => layerNorm(x!, { gamma: g as tf.Tensor1D }) },
  { name: 'instanceNorm', shapes: [[2, 3, 4, 5, 6]], operation: (x) => instanceNorm(x as tf.Tensor5D) },
  { name: 'groupNorm', shapes: [[2, 3, 4, 5, 6]], operation: group(3, 1) },
  { name: 'groupNorm, affine, leaky ReLU, in fours', shapes: [[2, 6, 5, 7, 40], [40], [40]], operation: group(40, 0.01) },
  { name: 'groupNorm, ReLU, groups of five', shapes: [[3, 4, 5, 7, 40], [40], [40]], operation: group(8, 0) },
  { name: 'groupNorm, all inputs', shapes: [[2, 6, 5, 7, 12], [12], [12], [2, 6, 5, 7, 12]], operation: group(12, 0.01) },
  { name: 'groupNorm, all inputs, groups of three', shapes: [[2, 6, 5, 7, 12], [12], [12], [2, 6, 5, 7, 12]], operation: group(4, 0.01) },
  { name: 'averagePool3d', shapes: [[2, 4, 6, 2, 3]], operation: (x) => averagePool3d(x as tf.Tensor5D, [2, 3, 1]) },
  { name: 'instanceNorm with leaky ReLU', shapes: [[2, 6, 5, 7, 40]], operation: (x) => instanceNorm(x as tf.Tensor5D, { slope: 0.01 }) },
]; // prettier-ignore

const activations: Case[] = [
  { name: 'gelu, in fours', shapes: [[5, 8]], operation: (x) => gelu(x!) },
  { name: 'gelu, odd', shapes: [[5, 7]], operation: (x) => gelu(x!) },
  { name: 'addLeakyRelu, in fours', shapes: [[5, 8], [5, 8]], operation: (a, b) => addLeakyRelu(a!, b!, 0.2) },
  { name: 'addLeakyRelu, odd', shapes: [[3, 7], [3, 7]], operation: (a, b) => addLeakyRelu(a!, b!, 0.2) },
]; // prettier-ignore

const attentions: Case[] = [
  attention('window smaller than the volume, padding', 1, [5, 4, 6], [0, 0, 0], 2, 8, [3, 3, 3]),
  attention('shifted, padding, two in a batch', 2, [5, 4, 6], [1, 1, 1], 3, 4, [3, 3, 3]),
  attention('shifted, whole windows', 1, [6, 6, 6], [1, 1, 1], 2, 4, [3, 3, 3]),
  attention('window of the volume’s size on one axis', 1, [2, 7, 5], [1, 1, 1], 2, 4, [3, 3, 3]),
  attention('the volume is one window', 2, [4, 4, 4], [3, 3, 3], 3, 4),
  attention('one voxel', 1, [1, 1, 1], [0, 0, 0], 1, 4),
  attention('heads of odd and even width', 1, [3, 3, 3], [0, 0, 0], 1, 3, [2, 2, 2]),
  attention('heads of two channels', 1, [3, 3, 3], [1, 1, 1], 2, 2, [2, 2, 2]),
  attention('a table too large for workgroup memory', 1, [3, 3, 2], [0, 0, 0], 1, 4, [9, 9, 9]),
  attention('full windows, shifted', 1, [8, 7, 7], [3, 3, 3], 1, 16),
];

needs(webgpu).describe('WebGPU kernels against the compositions on cpu', () => {
  test('every kernel is registered but attention of all tokens', async () => {
    await tf.setBackend('webgpu');
    const missing = Object.values(Kernel).filter((name) => tf.getKernel(name, 'webgpu') == null);
    // Its composition of products of matrices is what a kernel of ours would do, in turns that fit into memory.
    expect(missing).toEqual(['VocoTokenAttention', 'VocoTokenAttentionGrad']);
  });
  for (const [title, cases] of Object.entries({ convolutions, products, norms, activations, attentions })) {
    test.each(cases)(`${title}: $name`, compare);
  }
});

/** Every operation, its gradient and a step of training, on each device that is there, against tfjs's cpu backend. */
import type { Vec3 } from '../../../src/geometry';
import { afterAll, describe, expect, test } from 'vitest';
import { valueAndGradients } from '../../../src/tensor/autodiff';
import { listDevices, releaseWebgpu, useDevice } from '../../../src/tensor/backends';
import {
  addLeakyRelu,
  addResidual,
  addScaled,
  averagePool3d,
  channelNorm,
  conv3d,
  convTranspose3d,
  fillRows,
  gatherRows,
  gelu,
  geluLinear,
  globalAverage,
  groupNorm,
  instanceNorm,
  layerNorm,
  leakyRelu,
  linear,
  swigluNormLinear,
  tokenAttention,
  tokenRows,
  upsample,
  windowAttention,
} from '../../../src/tensor/ops';
import { AdamW, clipGlobalNorm, emaUpdate } from '../../../src/tensor/optim';
import { readScalars } from '../../../src/tensor/read';
import * as tf from '../../../src/tensor/tf';
import { registerStandIn, STAND_IN } from '../../support/tfjsNode';
import { anglesOf, normal, relativeError } from './support';

const TOLERANCE = 2e-5;

interface Case {
  name: string;
  shapes: number[][];
  f: (...xs: tf.Tensor[]) => tf.Tensor;
}

const conv = (stride: number | Vec3, padding: number | Vec3): Case['f'] =>
  ((x: tf.Tensor5D, filter: tf.Tensor5D, bias?: tf.Tensor1D) =>
    conv3d(x, filter, { stride, padding, bias })) as unknown as Case['f'];
const group = (groups: number, slope: number): Case['f'] =>
  ((x: tf.Tensor5D, gamma?: tf.Tensor1D, beta?: tf.Tensor1D, residual?: tf.Tensor5D) =>
    groupNorm(x, { groups, gamma, beta, residual, slope })) as unknown as Case['f'];
/** Statistics that were given, so that the variance is above 0. */
const running = (slope: number): Case['f'] =>
  ((x: tf.Tensor5D, gamma: tf.Tensor1D, beta: tf.Tensor1D) => {
    const mean = normal<tf.Tensor1D>('mean', gamma.shape);
    const variance = tf.add<tf.Tensor1D>(tf.square(normal('variance', gamma.shape)), 0.1);
    return channelNorm(x, { mean, variance, gamma, beta, slope });
  }) as unknown as Case['f'];
/** Every second voxel of those of the last sample, and most of the others, are seen. */
const groupVisible = (groups: number, slope: number): Case['f'] =>
  ((x: tf.Tensor5D, gamma: tf.Tensor1D, beta: tf.Tensor1D, residual: tf.Tensor5D) => {
    const [n, d, h, w] = x.shape;
    const seen = Float32Array.from({ length: n * d * h * w }, (_, i) => (i % (i < d * h * w ? 5 : 2) === 0 ? 0 : 1));
    return groupNorm(x, { groups, gamma, beta, residual, slope, visible: tf.tensor5d(seen, [n, d, h, w, 1]) });
  }) as unknown as Case['f'];
const attention = (tableWindow: Vec3, window: Vec3, shift: Vec3): Case['f'] =>
  ((qkv: tf.Tensor5D, pad: tf.Tensor1D, table: tf.Tensor2D) =>
    windowAttention(qkv, pad, table, { tableWindow, window, shift, heads: 2, scale: 0.5 })) as unknown as Case['f'];
/** @param tables of angles: one for all crops, or one for each */
const tokens = (heads: number, tables: number): Case['f'] =>
  ((q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D) => {
    const [, n, channels] = q.shape;
    return tokenAttention(q, k, v, anglesOf([tables, n, channels / heads]), { heads, scale: 0.7 });
  }) as unknown as Case['f'];
const rows = tokenRows([0, 1, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0], 2);

const cases: Case[] = [
  { name: 'conv3d 3×3×3', shapes: [[2, 4, 3, 5, 2], [3, 3, 3, 2, 3]], f: conv(1, 1) }, // prettier-ignore
  { name: 'conv3d 2×2×2 stride 2, bias', shapes: [[1, 4, 6, 2, 1], [2, 2, 2, 1, 4], [4]], f: conv(2, 0) }, // prettier-ignore
  { name: 'conv3d of patches', shapes: [[2, 8, 6, 8, 3], [4, 3, 2, 3, 5], [5]], f: conv([4, 3, 2], 0) }, // prettier-ignore
  {
    name: 'convTranspose3d to patches',
    shapes: [[2, 2, 3, 2, 4], [2, 1, 4, 3, 4]], // prettier-ignore
    f: ((x: tf.Tensor5D, filter: tf.Tensor5D) =>
      convTranspose3d(x, filter, { stride: [2, 1, 4] })) as unknown as Case['f'],
  },
  { name: 'conv3d, odd shapes', shapes: [[1, 6, 5, 7, 3], [3, 2, 3, 3, 5], [5]], f: conv([2, 2, 3], [1, 0, 1]) }, // prettier-ignore
  {
    name: 'convTranspose3d',
    shapes: [[2, 3, 2, 4, 3], [2, 2, 2, 5, 3], [5]], // prettier-ignore
    f: ((x: tf.Tensor5D, filter: tf.Tensor5D, bias: tf.Tensor1D) =>
      convTranspose3d(x, filter, { stride: 2, bias })) as unknown as Case['f'],
  },
  {
    name: 'convTranspose3d, padded',
    shapes: [[2, 3, 2, 4, 3], [3, 3, 3, 5, 3], [5]], // prettier-ignore
    f: ((x: tf.Tensor5D, filter: tf.Tensor5D, bias: tf.Tensor1D) =>
      convTranspose3d(x, filter, { stride: 2, padding: 1, outputPadding: 1, bias })) as unknown as Case['f'],
  },
  {
    name: 'linear',
    shapes: [[2, 3, 5, 7], [9, 7], [9]], // prettier-ignore
    f: ((x: tf.Tensor, weight: tf.Tensor2D, bias: tf.Tensor1D) => linear(x, weight, bias)) as unknown as Case['f'],
  },
  {
    name: 'layerNorm',
    shapes: [[2, 3, 5, 12], [12], [12]], // prettier-ignore
    f: ((x: tf.Tensor, gamma: tf.Tensor1D, beta: tf.Tensor1D) => layerNorm(x, { gamma, beta })) as unknown as Case['f'],
  },
  {
    name: 'geluLinear',
    shapes: [[2, 3, 5, 7], [9, 7], [9]], // prettier-ignore
    f: ((x: tf.Tensor, weight: tf.Tensor2D, bias: tf.Tensor1D) => geluLinear(x, weight, bias)) as unknown as Case['f'],
  },
  { name: 'addResidual', shapes: [[3, 5, 10], [3, 5, 10]], f: (a, b) => addResidual(a!, b!) }, // prettier-ignore
  { name: 'globalAverage', shapes: [[2, 3, 5, 4, 3]], f: (x) => globalAverage(x as tf.Tensor5D) },
  // One voxel, alone and in a batch.
  { name: 'conv3d, one voxel', shapes: [[2, 1, 1, 1, 3], [3, 3, 3, 3, 4], [4]], f: conv(1, 1) }, // prettier-ignore
  {
    name: 'linear, one voxel',
    shapes: [[1, 1, 1, 1, 5], [3, 5]], // prettier-ignore
    f: ((x: tf.Tensor, weight: tf.Tensor2D) => linear(x, weight)) as unknown as Case['f'],
  },
  { name: 'layerNorm, one voxel', shapes: [[1, 1, 1, 1, 5]], f: (x) => layerNorm(x!) },
  { name: 'instanceNorm, two voxels', shapes: [[2, 1, 2, 1, 5]], f: (x) => instanceNorm(x as tf.Tensor5D) },
  {
    name: 'windowAttention, one voxel in a larger window',
    shapes: [[2, 1, 1, 1, 12], [12], [125, 2]], // prettier-ignore
    f: attention([3, 3, 3], [1, 1, 1], [0, 0, 0]),
  },
  {
    name: 'windowAttention, a window larger than the volume on two axes, batch of 3',
    shapes: [[3, 5, 2, 1, 12], [12], [125, 2]], // prettier-ignore
    f: attention([3, 3, 3], [3, 2, 1], [1, 0, 0]),
  },
  { name: 'layerNorm, not affine', shapes: [[2, 3, 5, 12]], f: (x) => layerNorm(x!) },
  { name: 'instanceNorm', shapes: [[2, 3, 5, 4, 3]], f: (x) => instanceNorm(x as tf.Tensor5D) },
  { name: 'instanceNorm, leaky', shapes: [[2, 3, 5, 4, 3]], f: (x) => instanceNorm(x as tf.Tensor5D, { slope: 0.01 }) },
  { name: 'groupNorm, not affine', shapes: [[2, 3, 5, 4, 6]], f: group(2, 1) },
  { name: 'groupNorm, affine instance norm', shapes: [[2, 3, 5, 4, 8], [8], [8]], f: group(8, 0.01) }, // prettier-ignore
  { name: 'groupNorm, ReLU', shapes: [[2, 3, 5, 4, 12], [12], [12]], f: group(3, 0) }, // prettier-ignore
  { name: 'groupNorm, residual', shapes: [[2, 3, 5, 4, 8], [8], [8], [2, 3, 5, 4, 8]], f: group(8, 0.01) }, // prettier-ignore
  { name: 'groupNorm, residual without activation', shapes: [[3, 2, 5, 4, 6], [6], [6], [3, 2, 5, 4, 6]], f: group(3, 1) }, // prettier-ignore
  { name: 'groupNorm, four voxels', shapes: [[2, 1, 4, 1, 5], [5], [5]], f: group(5, 0.01) }, // prettier-ignore
  { name: 'channelNorm', shapes: [[2, 3, 5, 4, 6], [6], [6]], f: running(1) },
  { name: 'channelNorm, ReLU', shapes: [[2, 3, 5, 4, 8], [8], [8]], f: running(0) },
  { name: 'upsample', shapes: [[2, 4, 3, 5, 3]], f: (x) => upsample(x as tf.Tensor5D) },
  { name: 'upsample, four channels', shapes: [[1, 3, 1, 2, 4]], f: (x) => upsample(x as tf.Tensor5D) },
  { name: 'groupNorm, visible voxels', shapes: [[2, 3, 5, 4, 8], [8], [8], [2, 3, 5, 4, 8]], f: groupVisible(8, 0.01) }, // prettier-ignore
  { name: 'groupNorm, visible voxels and groups', shapes: [[2, 3, 5, 4, 6], [6], [6], [2, 3, 5, 4, 6]], f: groupVisible(2, 1) }, // prettier-ignore
  { name: 'averagePool3d', shapes: [[2, 4, 6, 2, 3]], f: (x) => averagePool3d(x as tf.Tensor5D, [2, 3, 1]) },
  { name: 'tokenAttention', shapes: [[2, 5, 24], [2, 5, 24], [2, 5, 24]], f: tokens(2, 1) }, // prettier-ignore
  { name: 'tokenAttention, angles of each crop', shapes: [[3, 32, 18], [3, 32, 18], [3, 32, 18]], f: tokens(3, 3) }, // prettier-ignore
  { name: 'tokenAttention, many tokens', shapes: [[1, 131, 36], [1, 131, 36], [1, 131, 36]], f: tokens(2, 1) }, // prettier-ignore
  { name: 'tokenAttention, one token', shapes: [[2, 1, 6], [2, 1, 6], [2, 1, 6]], f: tokens(1, 2) }, // prettier-ignore
  { name: 'addScaled', shapes: [[3, 5, 10], [3, 5, 10], [10]], f: (x, branch, scale) => addScaled(x!, branch!, scale as tf.Tensor1D) }, // prettier-ignore
  { name: 'gatherRows', shapes: [[2, 6, 5]], f: (x) => gatherRows(x as tf.Tensor3D, rows) },
  { name: 'fillRows', shapes: [[2, 3, 5], [5]], f: (x, filler) => fillRows(x as tf.Tensor3D, filler as tf.Tensor1D, rows) }, // prettier-ignore
  {
    name: 'swigluNormLinear',
    shapes: [[2, 5, 16], [2, 5, 16], [16], [16], [6, 16], [6]], // prettier-ignore
    f: ((gate: tf.Tensor, value: tf.Tensor, gamma: tf.Tensor1D, beta: tf.Tensor1D, weight: tf.Tensor2D, bias: tf.Tensor1D) =>
      swigluNormLinear(gate, value, { norm: { gamma, beta }, weight, bias })) as unknown as Case['f'], // prettier-ignore
  },
  { name: 'gelu', shapes: [[3, 50]], f: (x) => gelu(x!) },
  { name: 'leakyRelu', shapes: [[3, 50]], f: (x) => leakyRelu(x!) },
  { name: 'addLeakyRelu', shapes: [[3, 5, 10], [3, 5, 10]], f: (a, b) => addLeakyRelu(a!, b!) }, // prettier-ignore
  {
    name: 'windowAttention, padded and shifted',
    shapes: [[2, 3, 4, 5, 12], [12], [75, 2]], // prettier-ignore
    f: attention([2, 3, 3], [2, 3, 3], [1, 1, 1]),
  },
  {
    name: 'windowAttention, small stage',
    shapes: [[1, 2, 3, 2, 24], [24], [125, 2]], // prettier-ignore
    f: attention([3, 3, 3], [2, 3, 2], [0, 0, 0]),
  },
];

type Values = Float32Array | Int32Array | Uint8Array;

/** Output and gradients of a case on the current backend. */
async function evaluate({ shapes, f }: Case): Promise<Values[]> {
  const before = tf.memory().numTensors;
  const results = tf.tidy(() => {
    const xs = shapes.map((shape, i) => normal(`x${i}`, shape));
    const { value, gradients } = valueAndGradients(() => {
      const y = f(...xs);
      return { loss: tf.sum(tf.mul(y, normal('dy', y.shape))), y };
    }, xs);
    return [value.y, ...(gradients as tf.Tensor[])];
  });
  const values: Values[] = [];
  for (const tensor of results) values.push((await tensor.data()) as Values);
  tf.dispose(results);
  expect(tf.memory().numTensors).toBe(before);
  return values;
}

/** So that small tensors too are computed by the device and not by tfjs's short cut on the CPU. */
async function start(name: string): Promise<void> {
  if (name === STAND_IN) {
    await tf.setBackend(name);
    return;
  }
  await useDevice(name, { threads: 2 });
  if (name.startsWith('webgpu')) tf.env().set('WEBGPU_CPU_FORWARD', false);
}

/** A few steps of training of a small network with everything in it; the losses. */
async function train(): Promise<number[]> {
  const shapes = [[3, 3, 3, 1, 6], [18, 6], [18], [27, 2], [4, 6], [4]]; // prettier-ignore
  const variables = shapes.map((shape, i) => tf.tidy(() => tf.variable(normal(`w${i}`, shape, 0.4))));
  const teacher = variables.map((variable) => tf.tidy(() => tf.variable(tf.mul(variable, 0.5))));
  const optimizer = new AdamW(new Map(variables.map((variable, i) => [`w${i}`, variable])), { amsgrad: true });
  const x = normal<tf.Tensor5D>('x', [2, 4, 4, 4, 1]);
  const forward = (w: tf.Tensor[]): tf.Tensor => {
    const a = instanceNorm(conv3d(x, w[0] as tf.Tensor5D, { padding: 1 }), { slope: 0.01 });
    const qkv = linear(layerNorm(a), w[1] as tf.Tensor2D, w[2] as tf.Tensor1D);
    const attrs = { tableWindow: [2, 2, 2], window: [2, 2, 2], shift: [1, 1, 1], heads: 2, scale: 0.6 } satisfies Parameters<typeof windowAttention>[3]; // prettier-ignore
    const y = tf.add(a, windowAttention(qkv, w[2] as tf.Tensor1D, w[3] as tf.Tensor2D, attrs));
    return gelu(linear(tf.mean(y, [1, 2, 3]), w[4] as tf.Tensor2D, w[5] as tf.Tensor1D));
  };
  const losses: number[] = [];
  for (let step = 0; step < 3; step++) {
    const target = tf.tidy(() => forward(teacher));
    const { value, gradients } = valueAndGradients(
      () => ({ loss: tf.mean(tf.square(tf.sub(forward(variables), target))) }),
      variables,
    );
    const norm = clipGlobalNorm(gradients, 1);
    optimizer.step(gradients, 1e-2);
    emaUpdate(teacher, variables, 0.9);
    const { loss } = await readScalars({ loss: value.loss });
    losses.push(loss);
    tf.dispose([target, value.loss, norm, ...(gradients as tf.Tensor[])]);
  }
  optimizer.dispose();
  tf.dispose([x, ...variables, ...teacher]);
  return losses;
}

await useDevice('cpu');
const expected = new Map<string, Values[]>();
for (const item of cases) expected.set(item.name, await evaluate(item));
const expectedLosses = await train();
await registerStandIn();
const devices = await listDevices();
for (const { name, usable, reason } of devices) if (!usable) console.log(`${name} is not tested: ${reason}`);
afterAll(releaseWebgpu);

const tested = devices.filter(({ name, usable }) => usable && name !== 'cpu');

// The last has the kernels of tfjs-node-gpu: where one of ours is missing, its composition does with those.
describe.each([...tested, { name: STAND_IN }])('$name', ({ name }) => {
  test('every operation and gradient', async () => {
    await start(name);
    const wrong: string[] = [];
    for (const item of cases) {
      const reference = expected.get(item.name)!;
      (await evaluate(item)).forEach((actual, i) => {
        const error = actual.length === reference[i]!.length ? relativeError(actual, reference[i]!) : Infinity;
        if (!(error < TOLERANCE)) wrong.push(`${item.name}, ${i === 0 ? 'output' : `gradient ${i - 1}`}: ${error}`);
      });
    }
    expect(wrong).toEqual([]);
  });

  test('padding of volumes, and the gradient of a slice', async () => {
    const compute = async () => {
      const x = normal<tf.Tensor5D>('x', [2, 3, 4, 5, 6]);
      const pads: [number, number][] = [[0, 0], [1, 0], [0, 2], [3, 1], [0, 0]]; // prettier-ignore
      const one = tf.pad(x, pads, 0.5);
      const same = tf.pad(x, pads.map(() => [0, 0] as [number, number])); // prettier-ignore
      const { gradients } = valueAndGradients(
        () => ({ loss: tf.sum(tf.square(tf.slice(x, [0, 1, 0, 2, 1], [2, 2, 3, 2, 4]))) }),
        [x],
      );
      return [await one.data(), await same.data(), await gradients[0]!.data()];
    };
    await useDevice('cpu');
    const reference = await compute();
    await start(name);
    (await compute()).forEach((values, i) => expect(relativeError(values, reference[i]!)).toBeLessThan(1e-6));
  });

  test('training', async () => {
    await start(name);
    const before = tf.memory().numTensors;
    const losses = await train();
    expect(tf.memory().numTensors).toBe(before);
    losses.forEach((loss, i) => expect(Math.abs(loss - expectedLosses[i]!)).toBeLessThan(1e-4 * expectedLosses[i]!));
  });
});

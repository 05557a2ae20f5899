import type { Vec3 } from '../../../../../src/geometry';
import { afterAll, expect, test } from 'vitest';
import { UserError } from '../../../../../src/errors/userError';
import { useDevice } from '../../../../../src/tensor/backends';
import { gelu, windowAttention, windowSize } from '../../../../../src/tensor/ops';
import { AdamW, emaUpdate, globalNorm } from '../../../../../src/tensor/optim';
import * as tf from '../../../../../src/tensor/tf';
import { deviceNeed, releaseBackends } from '../../../../support/backends';
import { needs } from '../../../../support/needs';
import { normal, relativeError } from '../../support';

const webgpu = await deviceNeed('webgpu');
afterAll(releaseBackends);

const gpu = (): { device: GPUDevice; memory(): { numBytesInGPU: number } } => tf.backend() as never;

const variable = (name: string, shape: number[]): tf.Variable => tf.tidy(() => tf.variable(normal(name, shape)));

/** Three AdamW steps and an update of a teacher; all state afterwards, in order. */
async function train(amsgrad: boolean): Promise<ArrayLike<number>[]> {
  const parameters = new Map([
    ['a', variable('a', [5, 7])],
    ['b', variable('b', [3])],
  ]);
  const teacher = [variable('t', [5, 7]), variable('u', [3])];
  const optimizer = new AdamW(parameters, { amsgrad, weightDecay: 0.1 });
  for (let step = 0; step < 3; step++) {
    const gradients = [normal(`ga${step}`, [5, 7], 1 / (step + 1)), normal(`gb${step}`, [3])];
    optimizer.step(gradients, 0.01 * (step + 1));
    tf.dispose(gradients);
    // A value that was read back must not outlive the next update.
    if (step === 0) await parameters.get('a')!.data();
  }
  emaUpdate(teacher, [...parameters.values()], 0.9);
  const state = [...parameters.values(), ...teacher, ...optimizer.state().values()];
  const values = await Promise.all(state.map((tensor) => tensor.data()));
  optimizer.dispose();
  tf.dispose([...parameters.values(), ...teacher]);
  return values;
}

needs(webgpu).describe('the WebGPU device', () => {
  test.each([true, false])('optimiser steps and the teacher in place, as on cpu (amsgrad %s)', async (amsgrad) => {
    await tf.setBackend('cpu');
    const expected = await train(amsgrad);
    await useDevice('webgpu');
    const before = tf.memory().numTensors;
    const actual = await train(amsgrad);
    expect(tf.memory().numTensors).toBe(before);
    expected.forEach((values, i) => expect(relativeError(actual[i]!, values)).toBeLessThan(1e-6));
  });

  test('the norm of more gradients than a shader binds buffers', async () => {
    await useDevice('webgpu');
    const gradients = Array.from({ length: 40 }, () => tf.fill([3], 2));
    const norm = globalNorm(gradients);
    expect((await norm.data())[0]).toBeCloseTo(Math.sqrt(480), 4);
    tf.dispose([norm, ...gradients]);
  });

  test('device memory does not grow over steps', async () => {
    await useDevice('webgpu');
    const x = normal('x', [64, 64]);
    const step = async (): Promise<number> => {
      for (let i = 0; i < 20; i++) gelu(x).dispose();
      const last = gelu(x);
      await last.data();
      last.dispose();
      return gpu().memory().numBytesInGPU;
    };
    await step();
    const first = await step();
    for (let i = 0; i < 5; i++) expect(await step()).toBe(first);
    x.dispose();
  });

  test('a tensor too large for the device is refused with what to do', async () => {
    await useDevice('webgpu');
    const { limits } = gpu().device;
    const most = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
    expect(() => tf.fill([most / 4 + 1], 1)).toThrow(/webgpu: a tensor needs \d+ MiB .*microBatch/);
  });

  test('too little memory is a UserError from then on', async () => {
    await useDevice('webgpu');
    const { device } = gpu();
    const x = normal('x', [8, 8]);
    const y = gelu(x);
    const taken: GPUBuffer[] = [];
    let failed = false;
    device.addEventListener('uncapturederror', () => (failed = true));
    while (!failed && taken.length < 256) {
      taken.push(device.createBuffer({ size: device.limits.maxBufferSize, usage: GPUBufferUsage.STORAGE }));
      await device.queue.onSubmittedWorkDone();
    }
    expect(failed).toBe(true);
    await expect(y.data()).rejects.toThrow(/webgpu: the device is out of memory: use a smaller train.microBatch/);
    expect(() => gelu(x)).toThrow(UserError);
    taken.forEach((buffer) => buffer.destroy());
  });

  test('an invalid use of the device is an error, not a tensor of zeros', async () => {
    await useDevice('webgpu');
    const y = gelu(normal('x', [8, 8]));
    gpu().device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE });
    await gpu().device.queue.onSubmittedWorkDone();
    await expect(y.data()).rejects.toThrow(/webgpu: the device reports an error/);
  });

  test('the same inputs give the same bits', async () => {
    await useDevice('webgpu');
    const window = windowSize([4, 3, 4], [3, 3, 3], [1, 1, 1]);
    const attrs = { tableWindow: [3, 3, 3] as Vec3, ...window, heads: 2, scale: 0.5 };
    const inputs = [normal('qkv', [2, 4, 3, 4, 24]), normal('pad', [24]), normal('table', [125, 2])];
    const f = (...[qkv, pad, table]: tf.Tensor[]): tf.Tensor =>
      windowAttention(qkv as tf.Tensor5D, pad as tf.Tensor1D, table as tf.Tensor2D, attrs);
    const once = (): Promise<ArrayLike<number>[]> =>
      Promise.all(
        tf
          .grads(f)(inputs, normal('dy', [2, 4, 3, 4, 8]))
          .map((gradient) => gradient.data()),
      );
    expect(await once()).toEqual(await once());
  });

  test('a lost device is a UserError from then on, not wrong numbers', async () => {
    await useDevice('webgpu');
    const x = normal('x', [8, 8]);
    const y = gelu(x);
    gpu().device.destroy();
    await gpu().device.lost;
    expect(() => gelu(x)).toThrow(UserError);
    await expect(y.data()).rejects.toThrow(/webgpu: the device was lost .* last checkpoint/);
  });

  test('a device that was lost can be started again', async () => {
    await useDevice('webgpu');
    const values = await gelu(tf.tensor1d([0, 1])).data();
    expect(values[1]).toBeCloseTo(0.8413447, 6);
  });
});

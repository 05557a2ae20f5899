import { afterAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import { useDevice } from '../../../src/tensor/backends';
import { gelu } from '../../../src/tensor/ops';
import { AdamW, emaUpdate } from '../../../src/tensor/optim';
import * as tf from '../../../src/tensor/tf';
import { releaseBackends, usableBackends } from '../../support/backends';
import { normal, relativeError } from '../tensor/support';

const present = (await usableBackends('block')).includes('webgpu');
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

describe.skipIf(!present)('the WebGPU device', () => {
  test.each([true, false])('optimiser steps and the teacher in place, as on cpu (amsgrad %s)', async (amsgrad) => {
    await tf.setBackend('cpu');
    const expected = await train(amsgrad);
    await useDevice('webgpu');
    const before = tf.memory().numTensors;
    const actual = await train(amsgrad);
    expect(tf.memory().numTensors).toBe(before);
    expected.forEach((values, i) => expect(relativeError(actual[i]!, values)).toBeLessThan(1e-6));
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

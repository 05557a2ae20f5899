import { afterEach, describe, expect, test } from 'vitest';
import { measureDevices, measureSpeed, selfTest, useDevice } from '../../../src/tensor/backends';
import { Kernel } from '../../../src/tensor/ops/kernels';
import * as tf from '../../../src/tensor/tf';

afterEach(() => {
  if (tf.getKernel(Kernel.Conv3D, 'cpu')) tf.unregisterKernel(Kernel.Conv3D, 'cpu');
});

describe('self-test of a device', () => {
  test('a right device passes, and nothing is left behind', async () => {
    await useDevice('cpu');
    const before = tf.memory().numTensors;
    expect(await selfTest()).toBeUndefined();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a device that computes wrongly is found out', async () => {
    await useDevice('cpu');
    tf.registerKernel({
      kernelName: Kernel.Conv3D,
      backendName: 'cpu',
      kernelFunc: ({ inputs }) => tf.mul(inputs.x as tf.Tensor, 1.01),
    });
    expect(await selfTest()).toMatch(/wrongly/);
  });

  test('a device that throws is found out', async () => {
    await useDevice('cpu');
    tf.registerKernel({
      kernelName: Kernel.Conv3D,
      backendName: 'cpu',
      kernelFunc: () => {
        throw new Error('no such instruction');
      },
    });
    expect(await selfTest()).toMatch(/no such instruction/);
  });
});

test('the speed of a device is measured', async () => {
  await useDevice('cpu');
  expect(await measureSpeed()).toBeGreaterThan(1e6);
});

test('every usable device is measured, the others say why not', async () => {
  const devices = await measureDevices();
  expect(devices.map((device) => device.name)).toEqual(expect.arrayContaining(['cuda', 'onednn', 'wasm', 'cpu']));
  for (const device of devices) {
    if (device.usable) expect(device.flopsPerSecond).toBeGreaterThan(0);
    else expect(device.reason).toMatch(/\w/);
  }
});

test('auto takes a device that passes', async () => {
  const { name } = await useDevice('auto');
  expect(['cuda', 'webgpu', 'onednn', 'wasm']).toContain(name);
  expect(await selfTest()).toBeUndefined();
});

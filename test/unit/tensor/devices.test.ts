import { afterAll, describe, expect, test } from 'vitest';
import { UsageError, UserError } from '../../../src/errors/userError';
import { listDevices, releaseWebgpu, useDevice } from '../../../src/tensor/backends';
import type { Precision } from '../../../src/tensor/backends';
import { chooseAdapter } from '../../../src/tensor/backends/webgpuDevice';
import type { Adapter } from '../../../src/tensor/backends/webgpuProbe';
import * as tf from '../../../src/tensor/tf';

afterAll(releaseWebgpu);

describe('listDevices', () => {
  test('lists every kind, and says why those that are not usable are not', async () => {
    const devices = await listDevices();
    const kinds = new Set(devices.map(({ name }) => name.split(':')[0]));
    expect([...kinds]).toEqual(['cuda', 'webgpu', 'onednn', 'wasm', 'cpu']);
    for (const device of devices) {
      expect(device.usable ? device.description : device.reason, device.name).toBeTruthy();
      expect(device.reason ?? '', device.name).not.toContain('\n');
    }
    expect(devices.find(({ name }) => name === 'wasm')!.usable).toBe(true);
    expect(devices.find(({ name }) => name === 'cpu')!.usable).toBe(true);
  });

  test('marks a GPU emulated in software, so that auto does not take it', async () => {
    for (const device of await listDevices()) {
      if (/swiftshader|llvmpipe/i.test(device.description ?? '')) {
        expect(device.automatic).toBe(false);
        expect(device.reason).toContain('software');
      }
    }
  });
});

describe('useDevice', () => {
  test.each(['cpu', 'wasm'])('%s', async (name) => {
    const info = await useDevice(name);
    expect(info).toMatchObject({ name, backend: name, precision: 'float32' });
    expect(tf.getBackend()).toBe(name);
    expect(Array.from(tf.add(tf.tensor1d([1, 2]), 1).dataSync())).toEqual([2, 3]);
  });

  test('auto takes the first that is usable and not emulated', async () => {
    const expected = (await listDevices()).find((device) => device.usable && device.automatic)!;
    expect((await useDevice('auto')).name).toBe(expected.name);
  });

  test.each(['gpu', 'onednn:1', 'webgpu:', '', 'toString'])('no device "%s"', async (spec) => {
    await expect(useDevice(spec)).rejects.toThrow(UsageError);
  });

  test('a precision that the device lacks', async () => {
    await expect(useDevice('cpu', { precision: 'bf16' })).rejects.toThrow(UsageError);
    await expect(useDevice('cpu', { precision: 'bf16' })).rejects.toThrow('set "precision" to "float32"');
  });

  test('a GPU that is not there', async () => {
    await expect(useDevice('webgpu:99')).rejects.toThrow(UserError);
    await expect(useDevice('webgpu:no such card')).rejects.toThrow(/^device webgpu/);
  });
});

describe('which of several GPUs', () => {
  const adapter = (name: string, description: string, float16: boolean): Adapter => ({
    name,
    description,
    float16,
    software: false,
    copies: 1,
    maxBufferBytes: 2 ** 30,
  });
  const adapters = [
    adapter('GeForce GT 710', 'nvidia, kepler', false),
    adapter('NVIDIA A100', 'nvidia, ampere', true),
    adapter('NVIDIA A100 80GB', 'nvidia, ampere', true),
  ];
  const chosen = (...args: [string?, Precision?]): string => chooseAdapter(adapters, ...args).name;

  test('by number, by name, by a part of the name or of the description', () => {
    expect([chosen(), chosen('0'), chosen('2')]).toEqual(['GeForce GT 710', 'GeForce GT 710', 'NVIDIA A100 80GB']);
    expect([chosen('geforce'), chosen('80gb'), chosen('kepler')]).toEqual([
      'GeForce GT 710',
      'NVIDIA A100 80GB',
      'GeForce GT 710',
    ]);
    expect(chosen('nvidia a100'), 'a whole name before parts of others').toBe('NVIDIA A100');
  });

  test('the first that has the precision, where none is named', () => {
    expect(chosen(undefined, 'float16')).toBe('NVIDIA A100');
    expect(chosen('2', 'float16')).toBe('NVIDIA A100 80GB');
  });

  test.each<[[string?, Precision?], string]>([
    [['3'], 'device webgpu:3: there is no such adapter; there are webgpu:0 (GeForce GT 710), webgpu:1 (NVIDIA A100), webgpu:2 (NVIDIA A100 80GB)'],
    [['ampere'], 'device webgpu:ampere: several adapters are meant: name one of webgpu:1 (NVIDIA A100), webgpu:2 (NVIDIA A100 80GB)'],
    [['0', 'float16'], 'device webgpu: GeForce GT 710 lacks shader-f16 (16-bit numbers in shaders): set "precision" to "float32", or use webgpu:1 (NVIDIA A100), webgpu:2 (NVIDIA A100 80GB)'],
  ])('refused with what there is: %j', (args, message) => {
    expect(() => chosen(...args)).toThrow(new UserError(message));
  }); // prettier-ignore

  test('none has the precision', () => {
    expect(() => chooseAdapter(adapters.slice(0, 1), undefined, 'float16')).toThrow(
      /GT 710 lacks shader-f16 .*float32"$/,
    );
  });
});

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { listDevices, releaseWebgpu, useDevice } from '../../src/tensor/backends';

/** Vulkan in software, where Chromium is installed: lets the WebGPU device be tested without a GPU. */
const SOFTWARE_VULKAN = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(SOFTWARE_VULKAN)) {
  process.env.VK_DRIVER_FILES ??= SOFTWARE_VULKAN;
  process.env.VK_ICD_FILENAMES ??= SOFTWARE_VULKAN;
}

/** Vitest runs two files at a time: more threads than cores make them wait for each other. */
const threads = Math.max(1, Math.floor(availableParallelism() / 2));

/** `onednn` with products in bfloat16, which are emulated where the processor lacks them. */
export const BF16 = 'onednn, bf16';

const wanted = { block: ['cpu', 'onednn', 'webgpu'], products: ['cpu', 'onednn', BF16, 'webgpu'], network: ['onednn'] };

/**
 * Devices to test on: block-sized work on `cpu`, `onednn` and `webgpu`, with {@link BF16} where it is about products; whole
 * networks where they take seconds. Those that
 * are not there are named with the reason. VOCO_TEST_DEVICES (names with commas) tests on fewer.
 */
export async function usableBackends(work: keyof typeof wanted): Promise<string[]> {
  const only = process.env.VOCO_TEST_DEVICES?.split(',');
  const devices = await listDevices();
  return wanted[work].filter((name) => {
    const device = name.split(',')[0]!;
    if (only && !only.includes(device)) return false;
    const found = devices.find((status) => status.name === device);
    if (!found?.usable) console.warn(`not tested on ${name}: ${found?.reason ?? 'no such device'}`);
    return found?.usable ?? false;
  });
}

export async function useBackend(name: string): Promise<void> {
  if (name !== BF16) {
    await useDevice(name, { threads });
    return;
  }
  const [onednn] = (await listDevices()).filter((device) => device.name === 'onednn');
  if (!onednn!.precisions.includes('bf16')) process.env.VOCO_EMULATE_BF16 = '1';
  await useDevice('onednn', { threads, precision: 'bf16' });
}

/** Lets the process of the test end: a WebGPU device keeps it alive. */
export function releaseBackends(): void {
  releaseWebgpu();
}

/** The quickest device for whole networks that are not compared with a reference. */
export async function fastestBackend(): Promise<void> {
  const [fast] = await usableBackends('network');
  await useDevice(fast ?? 'cpu', { threads });
}

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { listDevices, releaseWebgpu, useDevice } from '../../src/tensor/backends';

/** Vulkan in software, where Chromium is installed: lets the WebGPU device be tested without a GPU. */
const SOFTWARE_VULKAN = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(SOFTWARE_VULKAN)) {
  process.env.VK_DRIVER_FILES ??= SOFTWARE_VULKAN;
  process.env.VK_ICD_FILENAMES ??= SOFTWARE_VULKAN;
}

/** Vitest runs two files at a time: more threads than cores make them wait for each other. */
const threads = Math.max(1, Math.floor(availableParallelism() / 2));

const wanted = { block: ['cpu', 'onednn', 'webgpu'], network: ['onednn'] };

/**
 * Devices to test on: block-sized work on `cpu`, `onednn` and `webgpu`, whole networks where they take seconds. Those that
 * are not there are named with the reason. VOCO_TEST_DEVICES (names with commas) tests on fewer.
 */
export async function usableBackends(work: keyof typeof wanted): Promise<string[]> {
  const only = process.env.VOCO_TEST_DEVICES?.split(',');
  const devices = await listDevices();
  return wanted[work].filter((name) => {
    if (only && !only.includes(name)) return false;
    const found = devices.find((device) => device.name === name);
    if (!found?.usable) console.warn(`not tested on ${name}: ${found?.reason ?? 'no such device'}`);
    return found?.usable ?? false;
  });
}

export async function useBackend(name: string): Promise<void> {
  await useDevice(name, { threads });
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

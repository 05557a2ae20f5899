import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { listDevices, releaseWebgpu, useDevice } from '../../src/tensor/backends';
import { nativeEngine, needs, type Need } from './needs';

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
 * A device to test on. A machine that has all that the device is made of, and on which it does not work all the same, is no
 * reason to skip: that is an error.
 */
export async function deviceNeed(name: string): Promise<Need> {
  const device = name.split(',')[0]!;
  const only = process.env.VOCO_TEST_DEVICES?.split(',');
  if (only && !only.includes(device)) return { present: false, missing: `VOCO_TEST_DEVICES leaves ${device} out` };
  const found = (await listDevices()).find((status) => status.name === device);
  if (found?.usable) return { present: true, missing: '' };
  const reason = found?.reason ?? 'no such device';
  const expected = device === 'onednn' ? nativeEngine().present : device === 'webgpu' && existsSync(SOFTWARE_VULKAN);
  if (expected) throw new Error(`${device} does not work on a machine that has all that it needs: ${reason}`);
  return { present: false, missing: `${device} is not usable: ${reason}` };
}

/**
 * Devices to test on: block-sized work on `cpu`, `onednn` and `webgpu`, with {@link BF16} where it is about products; whole
 * networks where they take seconds. Each that is not there becomes a skipped test with the reason, so this is called where tests
 * are defined. VOCO_TEST_DEVICES (names with commas) tests on fewer.
 */
export async function usableBackends(work: keyof typeof wanted): Promise<string[]> {
  const usable: string[] = [];
  for (const name of wanted[work]) {
    const need = await deviceNeed(name);
    if (need.present) usable.push(name);
    else needs(need).test(`on ${name}`, () => undefined);
  }
  return usable;
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
  const { present } = await deviceNeed('onednn');
  await useDevice(present ? 'onednn' : 'cpu', { threads });
}

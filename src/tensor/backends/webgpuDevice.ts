import { UserError } from '../../errors/userError';
import * as tf from '../tf';
import { setBackend } from './cpu';
import type { Device, DeviceStatus } from './types';
import { prepareWebGpuBackend, registerWebGpuKernels } from './webgpu/index';
import { repairWebGpuKernels } from './webgpuRepairs';
import { probeAdapters, webgpuModule, type Adapter } from './webgpuProbe';

interface Dawn {
  create(options: string[]): GPU;
  globals: object;
}

/** Workgroup memory zeroed by a loop: the Vulkan extension for it makes SwiftShader compile shaders twenty times slower. */
const WORKGROUP_INIT = 'disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension';

const SOFTWARE_REASON = 'it runs in software, slower than onednn: used only when asked for by name';

/** The limits that tfjs's kernels want raised from WebGPU's defaults to what the adapter has. */
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

function choose(adapters: Adapter[], which: string | undefined): Adapter {
  if (which === undefined) return adapters[0]!;
  const wanted = which.toLowerCase();
  const found = /^\d+$/.test(which)
    ? adapters[Number(which)]
    : adapters.find((adapter) => `${adapter.name} ${adapter.description}`.toLowerCase().includes(wanted));
  if (!found) {
    const names = adapters.map((adapter, i) => `webgpu:${i} (${adapter.name})`).join(', ');
    throw new UserError(`device webgpu:${which}: there is no such adapter; there are ${names}`);
  }
  return found;
}

/** Dawn goes on serving events of an instance that was collected, and can then wait for ever on its freed lock. */
const instances: GPU[] = [];

/** Where tfjs looks for WebGPU; Node 20 has no navigator at all. */
function setNavigatorGpu(gpu: GPU | undefined): void {
  const place = globalThis as { navigator?: object };
  if (!place.navigator)
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true, writable: true });
  Object.defineProperty(place.navigator, 'gpu', { value: gpu, configurable: true, writable: true });
}

async function start(adapterName: string): Promise<void> {
  const dawn = (await import(/* @vite-ignore */ webgpuModule()!)) as Dawn;
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([`adapter=${adapterName}`, WORKGROUP_INIT]);
  instances.push(gpu);
  setNavigatorGpu(gpu);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new UserError(`device webgpu: the adapter ${adapterName} is gone`);
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredLimits });
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
  repairWebGpuKernels();
  registerWebGpuKernels();
  tf.registerBackend('webgpu', () => prepareWebGpuBackend(new WebGPUBackend(device, adapter.info)));
  await setBackend('webgpu');
}

/** tfjs's WebGPU backend on Dawn's Node binding. */
export const webgpu: Device = {
  async list() {
    const { adapters, reason } = await probeAdapters();
    const common = { precisions: ['float32'] } satisfies Partial<DeviceStatus>;
    if (reason !== undefined) return [{ ...common, name: 'webgpu', usable: false, reason, automatic: true }];
    return adapters.map(({ name, description, software }, i) => ({
      ...common,
      name: i === 0 ? 'webgpu' : `webgpu:${i}`,
      usable: true,
      reason: software ? SOFTWARE_REASON : undefined,
      description: `${name} (${description})`,
      automatic: !software,
    }));
  },
  async use(_options, which) {
    const { adapters, reason } = await probeAdapters();
    if (reason !== undefined) throw new UserError(`device webgpu: ${reason}`);
    const { name } = choose(adapters, which);
    await start(name);
    return { name: which === undefined ? 'webgpu' : `webgpu:${which}`, backend: 'webgpu', description: name };
  },
};

/** Lets go of the GPU, without which a process that used it does not end by itself. */
export function releaseWebgpu(): void {
  if (!tf.findBackendFactory('webgpu')) return;
  tf.removeBackend('webgpu');
  setNavigatorGpu(undefined);
}

import { UserError } from '../../errors/userError';
import * as tf from '../tf';
import { setBackend } from './cpu';
import type { Device, Precision } from './types';
import { FLOAT16, FLOAT32, MATRIX_FEATURE, matrixUnit, type Arithmetic } from './webgpu/arithmetic';
import { prepareWebGpuBackend, registerWebGpuKernels } from './webgpu/index';
import { proveMatrices } from './webgpu/matrixTrial';
import { repairWebGpuKernels } from './webgpuRepairs';
import { probeAdapters, webgpuModule, type Adapter } from './webgpuProbe';

interface Dawn {
  create(options: string[]): GPU;
  globals: object;
}

/** Workgroup memory zeroed by a loop: the Vulkan extension for it makes SwiftShader compile shaders twenty times slower. */
const WORKGROUP_INIT = 'disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension';

const SOFTWARE_REASON = 'it runs in software, slower than onednn: used only when asked for by name';

/** Lets the adapter show features that are not yet in WebGPU, subgroup matrices among them. */
const EXPERIMENTS = 'enable-dawn-features=allow_unsafe_apis';

const firstOf = (copies: number): string =>
  `there are ${copies} GPUs of this name and WebGPU reaches only the first: hide it from a process to use another`;

/** The limits that tfjs's kernels want raised from WebGPU's defaults to what the adapter has. */
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

/** How `some` of all adapters are asked for. */
const listed = (all: readonly Adapter[], some: readonly Adapter[] = all): string =>
  some.map((adapter) => `webgpu:${all.indexOf(adapter)} (${adapter.name})`).join(', ');

/** The adapters that a number, a name or a part of a name means. */
function matching(adapters: readonly Adapter[], which: string): Adapter[] {
  if (/^\d+$/.test(which)) return adapters.slice(Number(which), Number(which) + 1);
  const wanted = which.toLowerCase();
  const named = adapters.filter(({ name }) => name.toLowerCase() === wanted);
  if (named.length > 0) return named;
  return adapters.filter(({ name, description }) => `${name} ${description}`.toLowerCase().includes(wanted));
}

/**
 * The adapter that a device's name means.
 *
 * @param adapters at least one, best first
 * @param which a number, a name or a part of one; undefined for the best that computes in `precision`
 * @throws UserError listing what there is, where none or several are meant or the one meant lacks the precision
 */
export function chooseAdapter(adapters: readonly Adapter[], which?: string, precision: Precision = 'float32'): Adapter {
  const able = precision === 'float16' ? adapters.filter(({ float16 }) => float16) : adapters;
  if (which === undefined && able.length > 0) return able[0]!;
  const found = which === undefined ? adapters.slice(0, 1) : matching(adapters, which);
  if (found.length !== 1) {
    const what = found.length === 0 ? 'there is no such adapter; there are' : 'several adapters are meant: name one of';
    throw new UserError(`device webgpu:${which}: ${what} ${listed(adapters, found.length === 0 ? adapters : found)}`);
  }
  const [adapter] = found as [Adapter];
  if (!able.includes(adapter)) {
    const others = able.length > 0 ? `, or use ${listed(adapters, able)}` : '';
    throw new UserError(
      `device webgpu: ${adapter.name} lacks shader-f16 (16-bit numbers in shaders): set "precision" to "float32"${others}`,
    );
  }
  return adapter;
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

/** What a new device must have for its arithmetic, and the matrix instructions that the adapter has for it. */
function requirements(
  adapter: GPUAdapter,
  arithmetic: Arithmetic,
): { features: GPUFeatureName[]; arithmetic: Arithmetic } {
  const features: string[] = arithmetic.type === 'f16' ? ['shader-f16'] : [];
  if (!adapter.features.has(MATRIX_FEATURE)) return { features: features as GPUFeatureName[], arithmetic };
  const matrices = arithmetic.matrices ?? matrixUnit(adapter.info, arithmetic.type);
  if (matrices) features.push('subgroups', MATRIX_FEATURE);
  return { features: features as GPUFeatureName[], arithmetic: { ...arithmetic, matrices } };
}

/**
 * Makes tfjs's WebGPU backend on a new device the current one.
 *
 * @param selection Dawn's options that select the adapter
 * @throws UserError when there is no such adapter
 */
export async function startWebgpu(selection: string[], wanted: Arithmetic = FLOAT32): Promise<void> {
  const dawn = (await import(/* @vite-ignore */ webgpuModule()!)) as Dawn;
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([...selection, WORKGROUP_INIT, EXPERIMENTS]);
  instances.push(gpu);
  setNavigatorGpu(gpu);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new UserError(`device webgpu: there is no adapter for ${selection.join(' ')}`);
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const { features, arithmetic } = requirements(adapter, wanted);
  const device = await adapter.requestDevice({ requiredLimits, requiredFeatures: features });
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
  repairWebGpuKernels();
  registerWebGpuKernels();
  tf.registerBackend('webgpu', () => prepareWebGpuBackend(new WebGPUBackend(device, adapter.info), arithmetic));
  await setBackend('webgpu');
}

/** tfjs's WebGPU backend on Dawn's Node binding. */
export const webgpu: Device = {
  async list() {
    const { adapters, reason } = await probeAdapters();
    if (reason !== undefined) {
      return [{ name: 'webgpu', usable: false, reason, precisions: ['float32'], automatic: true }];
    }
    return adapters.map(({ name, description, software, copies, float16 }, i) => ({
      precisions: float16 ? ['float32', 'float16'] : ['float32'],
      ...(!float16 && { lacks: { float16: `${name} has no shader-f16` } }),
      name: i === 0 ? 'webgpu' : `webgpu:${i}`,
      usable: true,
      reason: software ? SOFTWARE_REASON : copies > 1 ? firstOf(copies) : undefined,
      description: `${name} (${description})`,
      automatic: !software,
    }));
  },
  async use({ precision }, which) {
    const { adapters, reason } = await probeAdapters();
    if (reason !== undefined) throw new UserError(`device webgpu: ${reason}`);
    const { name } = chooseAdapter(adapters, which, precision);
    await startWebgpu([`adapter=${name}`], precision === 'float16' ? FLOAT16 : FLOAT32);
    await proveMatrices();
    return { name: which === undefined ? 'webgpu' : `webgpu:${which}`, backend: 'webgpu', description: name };
  },
};

/** Lets go of the GPU, without which a process that used it does not end by itself. */
export function releaseWebgpu(): void {
  if (!tf.findBackendFactory('webgpu')) return;
  tf.removeBackend('webgpu');
  setNavigatorGpu(undefined);
}

/** How our shaders run on tfjs's WebGPU backend: in its command encoder, on its buffers, under its memory accounting. */
import type { Vec3 } from '../../../geometry';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { UserError } from '../../../errors/userError';
import type { Arithmetic } from './arithmetic';

/** What we use of tfjs-backend-webgpu 4.22's backend object; some of it is private there. */
export interface GpuBackend {
  /** Ours: what operands are multiplied as. */
  arithmetic: Arithmetic;
  device: GPUDevice;
  queue: GPUQueue;
  tensorMap: { get(id: object): { resource?: GPUBuffer; values: unknown; shape: number[] } };
  bufferManager: { acquireBuffer(size: number, usage: number, mapped?: boolean, reuse?: boolean): GPUBuffer };
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  commandQueueOwnedIds: WeakSet<object>;
  uniformPendingDisposal: GPUBuffer[];
  dispatchCountInPass: number;
  uploadToGPU(id: object): void;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  makeTensorInfo(shape: number[], dtype: 'float32', values?: Float32Array): TensorInfo;
  disposeData(id: object): boolean;
}

export interface Shader {
  /** Name and every number that the source depends on: equal keys must mean equal sources. */
  key: string;
  source: () => string;
  workgroups: [number, number, number];
}

const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();
/** As tfjs's WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE: buffers that are disposed come back only when their work is submitted. */
const DISPATCHES_A_SUBMIT = 15;

function pipelineOf(device: GPUDevice, shader: Shader): GPUComputePipeline {
  let known = pipelines.get(device);
  if (!known) pipelines.set(device, (known = new Map()));
  let pipeline = known.get(shader.key);
  if (!pipeline) {
    const module = device.createShaderModule({ label: shader.key, code: shader.source() });
    pipeline = device.createComputePipeline({
      label: shader.key,
      layout: 'auto',
      compute: { module, entryPoint: 'main' },
    });
    known.set(shader.key, pipeline);
  }
  return pipeline;
}

/**
 * Records one dispatch. `tensors` are bound in order from binding 0, `uniforms` after them. A tensor that the shader writes
 * in place must be listed once.
 *
 * @throws UserError when the device was lost or ran out of memory.
 */
export function dispatch(backend: GpuBackend, shader: Shader, tensors: TensorInfo[], uniforms?: ArrayBuffer): void {
  assertHealthy(backend);
  const { device } = backend;
  const entries: GPUBindGroupEntry[] = tensors.map((tensor, binding) => {
    backend.uploadToGPU(tensor.dataId);
    return { binding, resource: { buffer: backend.tensorMap.get(tensor.dataId).resource! } };
  });
  if (uniforms) {
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM;
    const buffer = backend.bufferManager.acquireBuffer(uniforms.byteLength, usage);
    backend.queue.writeBuffer(buffer, 0, uniforms);
    backend.uniformPendingDisposal.push(buffer);
    entries.push({ binding: entries.length, resource: { buffer } });
  }
  const pipeline = pipelineOf(device, shader);
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  for (const tensor of tensors) backend.commandQueueOwnedIds.add(tensor.dataId);
  backend.ensureCommandEncoderReady();
  backend.computePassEncoder ??= backend.commandEncoder!.beginComputePass();
  backend.computePassEncoder.setPipeline(pipeline);
  backend.computePassEncoder.setBindGroup(0, group);
  backend.computePassEncoder.dispatchWorkgroups(...shader.workgroups);
  backend.dispatchCountInPass += 1;
  if (backend.dispatchCountInPass >= DISPATCHES_A_SUBMIT) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
}

/** A new float32 tensor that the caller's shader fills. */
export const output = (backend: GpuBackend, shape: number[]): TensorInfo => backend.makeTensorInfo(shape, 'float32');

/** Frees a tensor of {@link output}; its buffer is reused once the recorded work that needs it is submitted. */
export const release = (backend: GpuBackend, ...tensors: TensorInfo[]): void => {
  for (const tensor of tensors) backend.disposeData(tensor.dataId);
};

/** WGSL's `var` for binding `index`. */
export function binding(index: number, name: string, type: string, access: 'read' | 'read_write' = 'read'): string {
  return `@group(0) @binding(${index}) var<storage, ${access}> ${name}: array<${type}>;\n`;
}

const MAX_ROW = 65535;

/** A number of workgroups as x and y within the limits; a shader finds its number with {@link FLAT_GROUP}. */
export function flatGroups(count: number): [number, number, number] {
  if (count <= MAX_ROW) return [count, 1, 1];
  const y = Math.ceil(count / MAX_ROW);
  return [Math.ceil(count / y), y, 1];
}

/** WGSL expression of the workgroup's number under {@link flatGroups}: may be past the last one. */
export const FLAT_GROUP = 'i32(group.x + group.y * groups.x)';
/** WGSL parameters that {@link FLAT_GROUP} and most shaders need. */
export const BUILTINS =
  '@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) local: u32';

/** WGSL function from a flat index to the place in a volume of `size`; literal unsigned divisors cost least. */
export function unflatten(name: string, [, h, w]: Vec3): string {
  return `fn ${name}(i: i32) -> vec3<i32> {
    let u = u32(i);
    return vec3<i32>(vec3<u32>(u / ${h * w}u, u / ${w}u % ${h}u, u % ${w}u));
  }\n`;
}

const failures = new WeakMap<GPUDevice, string>();
const watched = new WeakSet<GPUDevice>();

function assertHealthy(backend: GpuBackend): void {
  const failure = failures.get(backend.device);
  if (failure) throw new UserError(failure);
}

const MEBIBYTE = 2 ** 20;
const ADVICE = 'use a smaller train.microBatch, network or crop, or another device';

/**
 * Makes every later use of the backend throw a UserError once its device is lost or out of memory, and refuses buffers
 * that the device cannot bind. Without this WebGPU goes on silently with wrong numbers.
 */
export function watchDevice(backend: GpuBackend): void {
  const { device } = backend;
  if (watched.has(device)) return;
  watched.add(device);
  const fail = (reason: string): void => {
    if (!failures.has(device)) failures.set(device, reason);
  };
  void device.lost.then((info) => {
    const why = info.message.trim().split('\n')[0] || info.reason;
    fail(`webgpu: the device was lost (${why}): resume the run from its last checkpoint, on this or another device`);
  });
  device.addEventListener('uncapturederror', (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    if (error instanceof GPUOutOfMemoryError) fail(`webgpu: the device is out of memory: ${ADVICE}`);
    else fail(`webgpu: the device reports an error: ${error.message.trim().split('\n')[0]}`);
    event.preventDefault();
  });
  guardBuffers(backend);
  guardReads(backend as GpuBackend & { read(id: object): Promise<unknown> });
}

function guardBuffers(backend: GpuBackend): void {
  const { bufferManager, device } = backend;
  const acquire = bufferManager.acquireBuffer.bind(bufferManager);
  const limit = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize);
  bufferManager.acquireBuffer = (size, usage, mapped, reuse) => {
    assertHealthy(backend);
    if (size <= limit) return acquire(size, usage, mapped, reuse);
    const [wanted, most] = [size, limit].map((bytes) => Math.ceil(bytes / MEBIBYTE));
    throw new UserError(`webgpu: a tensor needs ${wanted} MiB but the device binds at most ${most} MiB: ${ADVICE}`);
  };
}

function guardReads(backend: GpuBackend & { read(id: object): Promise<unknown> }): void {
  const read = backend.read.bind(backend);
  backend.read = async (id) => {
    assertHealthy(backend);
    const values = await read(id).catch((error: unknown) => {
      assertHealthy(backend);
      throw error;
    });
    assertHealthy(backend);
    return values;
  };
}

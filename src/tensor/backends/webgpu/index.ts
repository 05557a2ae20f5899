/** Our kernels for tfjs's WebGPU backend. */
import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import {
  Kernel,
  type ConvAttrs,
  type ConvFilterAttrs,
  type ConvInputAttrs,
  type WindowAttentionAttrs,
} from '../../ops/kernels';
import type { InPlaceUpdates } from '../../optim/inPlace';
import * as tf from '../../tf';
import { FLOAT32, type Arithmetic } from './arithmetic';
import { windowAttention, windowAttentionGradient } from './attention';
import {
  convolution,
  convolutionFilterGradient,
  convolutionInputGradient,
  linear,
  linearInputGradient,
  linearWeightGradient,
} from './convolution';
import { watchDevice, type GpuBackend } from './device';
import { addLeakyRelu, addLeakyReluGradient, gelu, geluGradient } from './elementwise';
import { instanceNorm, instanceNormGradient, layerNorm, layerNormGradient } from './norms';
import { adamwStep, emaStep } from './optimizer';

type Inputs = Record<string, TensorInfo>;
type Run<A> = (backend: GpuBackend, inputs: Inputs, attrs: A) => TensorInfo | TensorInfo[];

/** A table entry; each kernel reads the attributes that `kernels.ts` gives it. */
const kernel = <A>(name: string, run: Run<A>): { name: string; run: Run<unknown> } => ({
  name,
  run: run as Run<unknown>,
});

const KERNELS = [
  kernel<ConvAttrs>(Kernel.Conv3D, (b, { x, filter, bias }, attrs) => convolution(b, x!, filter!, bias, attrs)),
  kernel<ConvInputAttrs>(Kernel.Conv3DBackpropInput, (b, { dy, filter }, attrs) =>
    convolutionInputGradient(b, dy!, filter!, attrs),
  ),
  kernel<ConvFilterAttrs>(Kernel.Conv3DBackpropFilter, (b, { x, dy }, attrs) =>
    convolutionFilterGradient(b, x!, dy!, attrs),
  ),
  kernel(Kernel.Linear, (b, { x, weight, bias }) => linear(b, x!, weight!, bias)),
  kernel(Kernel.LinearBackpropInput, (b, { dy, weight }) => linearInputGradient(b, dy!, weight!)),
  kernel(Kernel.LinearBackpropWeight, (b, { x, dy }) => linearWeightGradient(b, x!, dy!)),
  kernel<{ eps: number }>(Kernel.LayerNorm, (b, { x, gamma, beta }, { eps }) => layerNorm(b, x!, gamma, beta, eps)),
  kernel(Kernel.LayerNormGrad, (b, { x, dy, mean, rstd, gamma }) => layerNormGradient(b, x!, dy!, mean!, rstd!, gamma)),
  kernel<{ eps: number; slope: number }>(Kernel.InstanceNorm, (b, { x }, { eps, slope }) =>
    instanceNorm(b, x!, eps, slope),
  ),
  kernel<{ slope: number }>(Kernel.InstanceNormGrad, (b, { y, dy, rstd }, { slope }) =>
    instanceNormGradient(b, y!, dy!, rstd!, slope),
  ),
  kernel(Kernel.Gelu, (b, { x }) => gelu(b, x!)),
  kernel(Kernel.GeluGrad, (b, { x, dy }) => geluGradient(b, x!, dy!)),
  kernel<{ slope: number }>(Kernel.AddLeakyRelu, (b, inputs, { slope }) =>
    addLeakyRelu(b, inputs.a!, inputs.b!, slope),
  ),
  kernel<{ slope: number }>(Kernel.AddLeakyReluGrad, (b, inputs, { slope }) =>
    addLeakyReluGradient(b, inputs.a!, inputs.b!, inputs.dy!, slope),
  ),
  kernel<WindowAttentionAttrs>(Kernel.WindowAttention, (b, { qkv, padToken, biasTable }, attrs) =>
    windowAttention(b, qkv!, padToken!, biasTable!, attrs),
  ),
  kernel<WindowAttentionAttrs>(Kernel.WindowAttentionGrad, (b, { qkv, padToken, biasTable, dy }, attrs) =>
    windowAttentionGradient(b, qkv!, padToken!, biasTable!, dy!, attrs),
  ),
];

/** Registers every kernel of `kernels.ts` for the backend of this name (once). */
export function registerWebGpuKernels(backendName = 'webgpu'): void {
  for (const { name, run } of KERNELS) {
    if (tf.getKernel(name, backendName)) continue;
    tf.registerKernel({
      kernelName: name,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) =>
        run(backend as GpuBackend, inputs as NamedTensorInfoMap as Inputs, attrs as NamedAttrMap),
    });
  }
}

/**
 * Gives a new WebGPU backend its arithmetic and in-place optimiser updates, and makes it report a lost device, or too little
 * memory, as a UserError.
 */
export function prepareWebGpuBackend<T extends tf.KernelBackend>(backend: T, arithmetic: Arithmetic = FLOAT32): T {
  const gpu = backend as unknown as GpuBackend & Partial<Pick<InPlaceUpdates, 'adamwStep' | 'emaStep'>>;
  gpu.arithmetic = arithmetic;
  gpu.adamwStep = (...args) => adamwStep(gpu, ...args);
  gpu.emaStep = (...args) => emaStep(gpu, ...args);
  watchDevice(gpu);
  return backend;
}

/** Our kernels for tfjs's WebGPU backend. */
import type { OurKernelTypes } from '../../ops/kernels';
import { untyped, type KernelTable } from '../../ops/kernelTable';
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
import { groupNorm, groupNormGradient } from './groupNorm';
import { channelNorm, instanceNorm, instanceNormGradient, layerNorm, layerNormGradient } from './norms';
import { averagePool, averagePoolGradient } from './pooling';
import { upsample, upsampleGradient } from './upsample';
import { adamwStep, emaStep } from './optimizer';

/** Attention of all tokens is composed of other kernels here. */
type Composed = 'VocoTokenAttention' | 'VocoTokenAttentionGrad';

const KERNELS: Required<Pick<KernelTable<GpuBackend>, Exclude<keyof OurKernelTypes<unknown>, Composed>>> = {
  VocoConv3D: ({ inputs: { x, filter, bias }, attrs, backend }) => convolution(backend, x, filter, bias, attrs),
  VocoConv3DBackpropInput: ({ inputs: { dy, filter }, attrs, backend }) =>
    convolutionInputGradient(backend, dy, filter, attrs),
  VocoConv3DBackpropFilter: ({ inputs: { x, dy }, attrs, backend }) => convolutionFilterGradient(backend, x, dy, attrs),
  VocoLinear: ({ inputs: { x, weight, bias }, backend }) => linear(backend, x, weight, bias),
  VocoLinearBackpropInput: ({ inputs: { dy, weight }, backend }) => linearInputGradient(backend, dy, weight),
  VocoLinearBackpropWeight: ({ inputs: { x, dy }, backend }) => linearWeightGradient(backend, x, dy),
  VocoLayerNorm: ({ inputs: { x, gamma, beta }, attrs, backend }) => layerNorm(backend, x, gamma, beta, attrs.eps),
  VocoLayerNormGrad: ({ inputs: { x, dy, mean, rstd, gamma }, backend }) =>
    layerNormGradient(backend, x, dy, mean, rstd, gamma),
  VocoInstanceNorm: ({ inputs: { x }, attrs, backend }) => instanceNorm(backend, x, attrs.eps, attrs.slope),
  VocoInstanceNormGrad: ({ inputs: { y, dy, rstd }, attrs, backend }) =>
    instanceNormGradient(backend, y, dy, rstd, attrs.slope),
  VocoGroupNorm: ({ inputs: { x, ...affine }, attrs, backend }) => groupNorm(backend, x, affine, attrs),
  VocoGroupNormGrad: ({ inputs, attrs, backend }) => groupNormGradient(backend, inputs, attrs.slope),
  VocoAveragePool: ({ inputs: { x }, attrs, backend }) => averagePool(backend, x, attrs.window),
  VocoAveragePoolGrad: ({ inputs: { dy }, attrs, backend }) => averagePoolGradient(backend, dy, attrs),
  VocoChannelNorm: ({ inputs, attrs, backend }) => channelNorm(backend, inputs, attrs),
  VocoUpsample: ({ inputs: { x }, backend }) => upsample(backend, x),
  VocoUpsampleGrad: ({ inputs: { dy }, backend }) => upsampleGradient(backend, dy),
  VocoGelu: ({ inputs: { x }, backend }) => gelu(backend, x),
  VocoGeluGrad: ({ inputs: { x, dy }, backend }) => geluGradient(backend, x, dy),
  VocoAddLeakyRelu: ({ inputs: { a, b }, attrs, backend }) => addLeakyRelu(backend, a, b, attrs.slope),
  VocoAddLeakyReluGrad: ({ inputs: { a, b, dy }, attrs, backend }) =>
    addLeakyReluGradient(backend, a, b, dy, attrs.slope),
  VocoWindowAttention: ({ inputs: { qkv, padToken, biasTable }, attrs, backend }) =>
    windowAttention(backend, qkv, padToken, biasTable, attrs),
  VocoWindowAttentionGrad: ({ inputs: { qkv, padToken, biasTable, dy }, attrs, backend }) =>
    windowAttentionGradient(backend, qkv, padToken, biasTable, dy, attrs),
};

/** Registers every kernel of `kernels.ts` for the backend of this name (once). */
export function registerWebGpuKernels(backendName = 'webgpu'): void {
  for (const [kernelName, kernelFunc] of untyped(KERNELS)) {
    if (!tf.getKernel(kernelName, backendName)) tf.registerKernel({ kernelName, backendName, kernelFunc });
  }
}

/**
 * Gives a new WebGPU backend its arithmetic and in-place optimiser updates, and makes it report a lost device, or too little
 * memory, as a UserError.
 */
export function prepareWebGpuBackend<T extends tf.KernelBackend>(backend: T, arithmetic: Arithmetic = FLOAT32): T {
  const gpu = backend as T & GpuBackend & Partial<InPlaceUpdates>;
  gpu.arithmetic = arithmetic;
  gpu.adamwStep = (...args) => adamwStep(gpu, ...args);
  gpu.emaStep = (...args) => emaStep(gpu, ...args);
  watchDevice(gpu);
  return backend;
}

/** The operations that networks are written in. Each is differentiable on every backend; see `kernels.ts`. */
export { addLeakyRelu, addResidual, addScaled, gelu, leakyRelu } from './activations';
export { windowAttention } from './attention';
export { conv3d, convTranspose3d, type ConvOptions } from './conv';
export { groupNorm, type GroupNormOptions } from './groupNorm';
export type { WindowAttentionAttrs } from './kernels';
export { geluLinear, linear } from './linear';
export { averagePool3d, globalAverage } from './pooling';
export { instanceNorm, layerNorm } from './normalization';
export { fillRows, gatherRows, tokenRows, type TokenRows } from './rows';
export { swigluNormLinear } from './swiglu';
export { tokenAttention } from './tokenAttention';
export { paddedSize, relativePositionIndex, shiftMask, windowSize } from './windows';

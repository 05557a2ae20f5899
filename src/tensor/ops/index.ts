/** The operations that networks are written in. Each is differentiable on every backend; see `kernels.ts`. */
export { addLeakyRelu, addResidual, addScaled, gelu, leakyRelu } from './activations';
export { windowAttention } from './attention';
export { groupNorm, type GroupNormOptions } from './groupNorm';
export { channelNorm, type ChannelNormOptions } from './channelNorm';
export { conv3d, convTranspose3d, type ConvOptions, type ConvTransposeOptions } from './conv';
export type { WindowAttentionAttrs } from './kernels';
export { geluLinear, linear } from './linear';
export { averagePool3d, globalAverage } from './pooling';
export { instanceNorm, layerNorm } from './normalization';
export { fillRows, gatherRows, tokenRows, type TokenRows } from './rows';
export { swigluNormLinear } from './swiglu';
export { tokenAttention } from './tokenAttention';
export { upsample } from './upsample';
export { paddedSize, relativePositionIndex, shiftMask, windowSize } from './windows';

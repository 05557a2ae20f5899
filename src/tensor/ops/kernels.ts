import type { Vec3 } from '../../geometry';

/**
 * Names, inputs, attributes and outputs of the kernels that matter for speed. A backend may register any of them; `ops/`
 * uses the kernel where the current backend has it and a plain composition of tfjs operations where it has not.
 *
 * All tensors are float32 and channels last. `N` = batch, spatial sizes are `[D, H, W]`. Optional inputs are left out of
 * the input map. Filters are `[kd, kh, kw, in, out]`; dense weights are `[out, in]` as in PyTorch.
 */
/** [n, depth, height, width, channels]. */
export type Shape5D = [number, number, number, number, number];

export const Kernel = {
  /** {x[N,D,H,W,I], filter, bias?[O]} → y[N,D',H',W',O]. Zero padding on both sides, as torch.nn.Conv3d. Attrs: ConvAttrs. */
  Conv3D: 'VocoConv3D',
  /** {dy, filter} → dx of `inputShape`. Also the forward pass of a transposed convolution. Attrs: ConvInputAttrs. */
  Conv3DBackpropInput: 'VocoConv3DBackpropInput',
  /** {x, dy} → [dfilter, dbias] of `filterShape` and [O], or [dfilter] alone without `bias`. Attrs: ConvFilterAttrs. */
  Conv3DBackpropFilter: 'VocoConv3DBackpropFilter',
  /** {x[...,I], weight[O,I], bias?[O]} → y[...,O]. */
  Linear: 'VocoLinear',
  /** {dy[...,O], weight} → dx[...,I]. */
  LinearBackpropInput: 'VocoLinearBackpropInput',
  /** {x[...,I], dy[...,O]} → [dweight[O,I], dbias[O]]. */
  LinearBackpropWeight: 'VocoLinearBackpropWeight',
  /** {x[...,C], gamma?[C], beta?[C]} → [y, mean[rows], rstd[rows]], over the last axis. Attrs: {eps}. */
  LayerNorm: 'VocoLayerNorm',
  /** {x, dy, mean, rstd, gamma?} → [dx, dgamma[C], dbeta[C]]. */
  LayerNormGrad: 'VocoLayerNormGrad',
  /** {x[N,D,H,W,C]} → [y, mean[N,C], rstd[N,C]], then leaky ReLU with `slope` (1 = none). Attrs: {eps, slope}. */
  InstanceNorm: 'VocoInstanceNorm',
  /** {y, dy, rstd} → dx from the output, the activation (`slope` above 0) included. Attrs: {slope}. */
  InstanceNormGrad: 'VocoInstanceNormGrad',
  /** {x} → exact (erf) GELU. */
  Gelu: 'VocoGelu',
  /** {x, dy} → dx. */
  GeluGrad: 'VocoGeluGrad',
  /** {a, b} → leakyRelu(a + b). Attrs: {slope}. */
  AddLeakyRelu: 'VocoAddLeakyRelu',
  /** {a, b, dy} → dx, the same for both inputs. Attrs: {slope}. */
  AddLeakyReluGrad: 'VocoAddLeakyReluGrad',
  /** {qkv[N,D,H,W,3C], padToken[3C], biasTable[T,heads]} → y[N,D,H,W,C]. Attrs: WindowAttentionAttrs. */
  WindowAttention: 'VocoWindowAttention',
  /** {qkv, padToken, biasTable, dy} → [dqkv, dpadToken, dbiasTable]; attention is recomputed, never stored. */
  WindowAttentionGrad: 'VocoWindowAttentionGrad',
} as const;

export interface ConvAttrs {
  stride: Vec3;
  padding: Vec3;
}
export interface ConvInputAttrs extends ConvAttrs {
  inputShape: [number, number, number, number, number];
}
export interface ConvFilterAttrs extends ConvAttrs {
  filterShape: [number, number, number, number, number];
  /** Whether the gradient of a bias is wanted. */
  bias: boolean;
}
export interface WindowAttentionAttrs {
  /** The window of the layer, e.g. [7, 7, 7]: the table has (2·w₀−1)(2·w₁−1)(2·w₂−1) rows. */
  tableWindow: Vec3;
  /** The window in use: `tableWindow`, or the stage's size on axes where that is not larger. */
  window: Vec3;
  /** Cyclic shift in use; 0 on axes where the window covers the stage. */
  shift: Vec3;
  heads: number;
  /** Usually (C / heads)^-0.5. */
  scale: number;
}

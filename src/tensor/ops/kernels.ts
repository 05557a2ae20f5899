import type { Vec3 } from '../../geometry';
import type { TfjsKernelTypes } from './tfjsKernels';

/** [n, depth, height, width, channels]. */
export type Shape5D = [number, number, number, number, number];

export interface ConvAttrs {
  stride: Vec3;
  padding: Vec3;
}
export interface ConvInputAttrs extends ConvAttrs {
  inputShape: Shape5D;
}
export interface ConvFilterAttrs extends ConvAttrs {
  filterShape: Shape5D;
  /** Whether the gradient of a bias is wanted. */
  bias: boolean;
}
export interface PoolAttrs {
  /** Edges of a block of voxels, which divide the volume's. */
  window: Vec3;
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
export interface TokenAttentionAttrs {
  heads: number;
  /** Usually (C / heads)^-0.5. */
  scale: number;
}
export interface EpsAttrs {
  eps: number;
}
export interface SlopeAttrs {
  /** Of leaky ReLU below zero; 1 is none. */
  slope: number;
}
export interface GroupNormAttrs extends EpsAttrs, SlopeAttrs {
  /** Groups of channels that share their statistics. */
  groups: number;
}
/** Attributes of a kernel that has none; tfjs gives none. */
export type NoAttrs = Record<never, never> | undefined;

/** What a kernel is called with and what it gives. */
export interface Signature<Inputs, Attrs, Outputs> {
  inputs: Inputs;
  attrs: Attrs;
  outputs: Outputs;
}

interface GroupNormInputs<T> {
  x: T;
  gamma?: T;
  beta?: T;
  /** What was added before the activation. */
  residual?: T;
  /** [N,D,H,W,1], 1 or 0: voxels that have part in the statistics. */
  visible?: T;
}

interface Attention<T> {
  /** [N,D,H,W,3C] */
  qkv: T;
  /** [3C] */
  padToken: T;
  /** [T,heads] */
  biasTable: T;
}

interface TokenAttention<T> {
  /** [N,n,C] each. */
  q: T;
  k: T;
  v: T;
  /** [N or 1,n,C/heads]: of each token, the sines of the angles by which its pairs of channels are turned, then the cosines. */
  rotary: T;
}

/**
 * The kernels that matter for speed, by name, where `T` stands for a tensor: callers hold `tf.Tensor`, backends `tf.TensorInfo`.
 * A backend may register any of them; `ops/` uses the kernel where the current backend has it and a plain composition of
 * tfjs operations where it has not.
 *
 * All tensors are float32 and channels last. `N` = batch, spatial sizes are `[D, H, W]`. Filters are `[kd, kh, kw, in, out]`;
 * dense weights are `[out, in]` as in PyTorch.
 */
export interface OurKernelTypes<T> {
  /** {x[N,D,H,W,I], filter, bias?[O]} → y[N,D',H',W',O]. Zero padding on both sides, as torch.nn.Conv3d. */
  VocoConv3D: Signature<{ x: T; filter: T; bias?: T }, ConvAttrs, T>;
  /** {dy, filter} → dx of `inputShape`. Also the forward pass of a transposed convolution. */
  VocoConv3DBackpropInput: Signature<{ dy: T; filter: T }, ConvInputAttrs, T>;
  /** {x, dy} → [dfilter, dbias] of `filterShape` and [O], or [dfilter] alone without `bias`. */
  VocoConv3DBackpropFilter: Signature<{ x: T; dy: T }, ConvFilterAttrs, [T, T?]>;
  /** {x[...,I], weight[O,I], bias?[O]} → y[...,O]. */
  VocoLinear: Signature<{ x: T; weight: T; bias?: T }, NoAttrs, T>;
  /** {dy[...,O], weight} → dx[...,I]. */
  VocoLinearBackpropInput: Signature<{ dy: T; weight: T }, NoAttrs, T>;
  /** {x[...,I], dy[...,O]} → [dweight[O,I], dbias[O]]. */
  VocoLinearBackpropWeight: Signature<{ x: T; dy: T }, NoAttrs, [T, T]>;
  /** {x[...,C], gamma?[C], beta?[C]} → [y, mean[rows], rstd[rows]], over the last axis. */
  VocoLayerNorm: Signature<{ x: T; gamma?: T; beta?: T }, EpsAttrs, [T, T, T]>;
  /** {x, dy, mean, rstd, gamma?} → [dx, dgamma[C], dbeta[C]]. */
  VocoLayerNormGrad: Signature<{ x: T; dy: T; mean: T; rstd: T; gamma?: T }, NoAttrs, [T, T, T]>;
  /** {x[N,D,H,W,C]} → [y, mean[N,C], rstd[N,C]], then leaky ReLU with `slope`. */
  VocoInstanceNorm: Signature<{ x: T }, EpsAttrs & SlopeAttrs, [T, T, T]>;
  /** {y, dy, rstd} → dx from the output, the activation (`slope` above 0) included. */
  VocoInstanceNormGrad: Signature<{ y: T; dy: T; rstd: T }, SlopeAttrs, T>;
  /** {x[N,D,H,W,C], gamma?[C], beta?[C], residual?, visible?} → [y, mean[N,G], rstd[N,G]], then leaky ReLU with `slope`. */
  VocoGroupNorm: Signature<GroupNormInputs<T>, GroupNormAttrs, [T, T, T]>;
  /** And {dy, mean, rstd} → [dx, dgamma[C], dbeta[C], dresidual where there is one]. */
  VocoGroupNormGrad: Signature<GroupNormInputs<T> & { dy: T; mean: T; rstd: T }, SlopeAttrs, [T, T, T, T?]>;
  /** {x[N,D,H,W,C]} → means of blocks [N,D',H',W',C]. */
  VocoAveragePool: Signature<{ x: T }, PoolAttrs, T>;
  /** {dy} → dx of `inputShape`. */
  VocoAveragePoolGrad: Signature<{ dy: T }, PoolAttrs & { inputShape: Shape5D }, T>;
  /** {x[N,D,H,W,C], mean[C], variance[C], gamma[C], beta[C]} → y, normalised by these statistics, then leaky ReLU with `slope`. */
  VocoChannelNorm: Signature<{ x: T; mean: T; variance: T; gamma: T; beta: T }, EpsAttrs & SlopeAttrs, T>;
  /** {x[N,D,H,W,C]} → trilinear interpolation [N,2D,2H,2W,C]. */
  VocoUpsample: Signature<{ x: T }, NoAttrs, T>;
  /** {dy[N,2D,2H,2W,C]} → dx. */
  VocoUpsampleGrad: Signature<{ dy: T }, NoAttrs, T>;
  /** {x} → exact (erf) GELU. */
  VocoGelu: Signature<{ x: T }, NoAttrs, T>;
  /** {x, dy} → dx. */
  VocoGeluGrad: Signature<{ x: T; dy: T }, NoAttrs, T>;
  /** {a, b} → leakyRelu(a + b). */
  VocoAddLeakyRelu: Signature<{ a: T; b: T }, SlopeAttrs, T>;
  /** {a, b, dy} → dx, the same for both inputs. */
  VocoAddLeakyReluGrad: Signature<{ a: T; b: T; dy: T }, SlopeAttrs, T>;
  /** {qkv, padToken, biasTable} → y[N,D,H,W,C]. */
  VocoWindowAttention: Signature<Attention<T>, WindowAttentionAttrs, T>;
  /** {qkv, padToken, biasTable, dy} → [dqkv, dpadToken, dbiasTable]; attention is recomputed, never stored. */
  VocoWindowAttentionGrad: Signature<Attention<T> & { dy: T }, WindowAttentionAttrs, [T, T, T]>;
  /** {q, k, v, rotary} → y[N,n,C]: all tokens attend to all. */
  VocoTokenAttention: Signature<TokenAttention<T>, TokenAttentionAttrs, T>;
  /** {q, k, v, rotary, dy} → [dq, dk, dv]; attention is recomputed, never stored. */
  VocoTokenAttentionGrad: Signature<TokenAttention<T> & { dy: T }, TokenAttentionAttrs, [T, T, T]>;
}

/** Ours, and those of tfjs that we call or that our backends implement. */
export interface KernelTypes<T> extends OurKernelTypes<T>, TfjsKernelTypes<T> {}
export type KernelName = keyof KernelTypes<unknown>;

export const Kernel = {
  Conv3D: 'VocoConv3D',
  Conv3DBackpropInput: 'VocoConv3DBackpropInput',
  Conv3DBackpropFilter: 'VocoConv3DBackpropFilter',
  Linear: 'VocoLinear',
  LinearBackpropInput: 'VocoLinearBackpropInput',
  LinearBackpropWeight: 'VocoLinearBackpropWeight',
  LayerNorm: 'VocoLayerNorm',
  LayerNormGrad: 'VocoLayerNormGrad',
  InstanceNorm: 'VocoInstanceNorm',
  InstanceNormGrad: 'VocoInstanceNormGrad',
  GroupNorm: 'VocoGroupNorm',
  GroupNormGrad: 'VocoGroupNormGrad',
  AveragePool: 'VocoAveragePool',
  AveragePoolGrad: 'VocoAveragePoolGrad',
  ChannelNorm: 'VocoChannelNorm',
  Upsample: 'VocoUpsample',
  UpsampleGrad: 'VocoUpsampleGrad',
  Gelu: 'VocoGelu',
  GeluGrad: 'VocoGeluGrad',
  AddLeakyRelu: 'VocoAddLeakyRelu',
  AddLeakyReluGrad: 'VocoAddLeakyReluGrad',
  WindowAttention: 'VocoWindowAttention',
  WindowAttentionGrad: 'VocoWindowAttentionGrad',
  TokenAttention: 'VocoTokenAttention',
  TokenAttentionGrad: 'VocoTokenAttentionGrad',
} as const satisfies Record<string, keyof OurKernelTypes<unknown>>;

/** The fused kernels of `ops/kernels.ts`: normalisation and window attention. */
import type * as tf from '../../../tf';
import type { Shape5D } from '../../../ops/kernels';
import type { OneDnnBackend } from '../backend';
import { type Call, type Kernel, type Kernels, optionalFloats, sizeOf } from './context';

const layerNorm: Kernel<'VocoLayerNorm'> = ({ inputs: { x, gamma, beta }, attrs, backend }) => {
  const n = x.shape.at(-1)!;
  const rows = sizeOf(x.shape) / n;
  const [y, mean, rstd] = [backend.empty(x.shape), backend.empty([rows]), backend.empty([rows])];
  backend.addon.layerNorm(
    backend.floats(x), optionalFloats(backend, gamma), optionalFloats(backend, beta),
    backend.floats(y), backend.floats(mean), backend.floats(rstd), rows, n, attrs.eps,
  ); // prettier-ignore
  return [y, mean, rstd];
};

const layerNormGrad: Kernel<'VocoLayerNormGrad'> = ({ inputs: { x, dy, mean, rstd, gamma }, backend }) => {
  const n = x.shape.at(-1)!;
  const [dx, dgamma, dbeta] = [backend.empty(x.shape), backend.empty([n]), backend.empty([n])];
  backend.addon.layerNormGrad(
    backend.floats(x), backend.floats(dy), backend.floats(mean),
    backend.floats(rstd), optionalFloats(backend, gamma),
    backend.floats(dx), backend.floats(dgamma), backend.floats(dbeta), sizeOf(x.shape) / n, n,
  ); // prettier-ignore
  return [dx, dgamma, dbeta];
};

/** Batch, voxels and channels of an [N, …, C] tensor. */
const extents = (x: tf.TensorInfo): [number, number, number] => [
  x.shape[0]!,
  sizeOf(x.shape.slice(1, -1)),
  x.shape.at(-1)!,
];

const instanceNorm: Kernel<'VocoInstanceNorm'> = ({ inputs: { x }, attrs: { eps, slope }, backend }) => {
  const [batch, voxels, channels] = extents(x);
  const moments = [batch, channels];
  const [y, mean, rstd] = [backend.empty(x.shape), backend.empty(moments), backend.empty(moments)];
  backend.addon.instanceNorm(
    backend.floats(x), backend.floats(y), backend.floats(mean), backend.floats(rstd), batch, voxels, channels, eps, slope,
  ); // prettier-ignore
  return [y, mean, rstd];
};

const instanceNormGrad: Kernel<'VocoInstanceNormGrad'> = ({ inputs: { y, dy, rstd }, attrs: { slope }, backend }) => {
  const [batch, voxels, channels] = extents(y);
  const dx = backend.empty(y.shape);
  backend.addon.instanceNormGrad(
    backend.floats(y), backend.floats(dy), backend.floats(rstd), backend.floats(dx),
    batch, voxels, channels, slope,
  ); // prettier-ignore
  return dx;
};

type Optional = Float32Array | null;
type Beside = Pick<Call<'VocoGroupNorm'>['inputs'], 'gamma' | 'beta' | 'residual' | 'visible'>;

const floatsBeside = (
  backend: OneDnnBackend,
  { gamma, beta, residual, visible }: Beside,
): [Optional, Optional, Optional, Optional] => [
  optionalFloats(backend, gamma),
  optionalFloats(backend, beta),
  optionalFloats(backend, residual),
  optionalFloats(backend, visible),
];

const groupNorm: Kernel<'VocoGroupNorm'> = ({ inputs: { x, ...beside }, attrs, backend }) => {
  const { groups, eps, slope } = attrs;
  const moments = [x.shape[0]!, groups];
  const [y, mean, rstd] = [backend.empty(x.shape), backend.empty(moments), backend.empty(moments)];
  backend.addon.groupNorm(
    [...extents(x), groups], eps, slope, ...floatsBeside(backend, beside),
    backend.floats(x), backend.floats(y), backend.floats(mean), backend.floats(rstd),
  ); // prettier-ignore
  return [y, mean, rstd];
};

const groupNormGrad: Kernel<'VocoGroupNormGrad'> = ({ inputs, attrs: { slope }, backend }) => {
  const { x, dy, mean, rstd, ...beside } = inputs;
  const channels = [x.shape.at(-1)!];
  const [dx, dgamma, dbeta] = [backend.empty(x.shape), backend.empty(channels), backend.empty(channels)];
  const dresidual = beside.residual && backend.empty(x.shape);
  backend.addon.groupNormGrad(
    [...extents(x), sizeOf(mean.shape) / x.shape[0]!], slope, ...floatsBeside(backend, beside),
    backend.floats(x), backend.floats(dy), backend.floats(mean), backend.floats(rstd), backend.floats(dx),
    backend.floats(dgamma), backend.floats(dbeta), optionalFloats(backend, dresidual),
  ); // prettier-ignore
  return dresidual ? [dx, dgamma, dbeta, dresidual] : [dx, dgamma, dbeta];
};

const averagePool: Kernel<'VocoAveragePool'> = ({ inputs: { x }, attrs: { window }, backend }) => {
  const [batch, d, h, w, channels] = x.shape as Shape5D;
  const shape: Shape5D = [batch, d / window[0], h / window[1], w / window[2], channels];
  const y = backend.empty(shape);
  backend.addon.averagePool([...shape, ...window], backend.floats(x), backend.floats(y));
  return y;
};

const averagePoolGrad: Kernel<'VocoAveragePoolGrad'> = ({ inputs: { dy }, attrs, backend }) => {
  const dx = backend.empty(attrs.inputShape);
  backend.addon.averagePoolGrad([...dy.shape, ...attrs.window], backend.floats(dy), backend.floats(dx));
  return dx;
};

const channelNorm: Kernel<'VocoChannelNorm'> = ({ inputs, attrs: { eps, slope }, backend }) => {
  const { x, mean, variance, gamma, beta } = inputs;
  const channels = x.shape.at(-1)!;
  const y = backend.empty(x.shape);
  backend.addon.channelNorm(
    backend.floats(x), backend.floats(mean), backend.floats(variance), backend.floats(gamma), backend.floats(beta),
    backend.floats(y), sizeOf(x.shape) / channels, channels, eps, slope,
  ); // prettier-ignore
  return y;
};

/** A shape with other sizes along its three axes of space. */
const resized = (shape: readonly number[], change: (length: number) => number): number[] =>
  shape.map((length, axis) => (axis >= 1 && axis <= 3 ? change(length) : length));

const upsample: Kernel<'VocoUpsample'> = ({ inputs: { x }, backend }) => {
  const y = backend.empty(resized(x.shape, (length) => 2 * length));
  backend.addon.upsample(backend.floats(x), backend.floats(y), x.shape);
  return y;
};

const upsampleGrad: Kernel<'VocoUpsampleGrad'> = ({ inputs: { dy }, backend }) => {
  const dx = backend.empty(resized(dy.shape, (length) => length / 2));
  backend.addon.upsampleGrad(backend.floats(dy), backend.floats(dx), dx.shape);
  return dx;
};

/** The description of a window attention for the addon: see `attentionOf` in native/src/bindings.cc. */
function attentionShape({ inputs, attrs }: Call<'VocoWindowAttention' | 'VocoWindowAttentionGrad'>): number[] {
  const { tableWindow, window, shift, heads } = attrs;
  const [batch, d, h, w, width] = inputs.qkv.shape as Shape5D;
  return [batch, d, h, w, width / 3, heads, ...tableWindow, ...window, ...shift];
}

const attention: Kernel<'VocoWindowAttention'> = (call) => {
  const { inputs, attrs, backend } = call;
  const { qkv, padToken, biasTable } = inputs;
  const y = backend.empty([...qkv.shape.slice(0, -1), qkv.shape.at(-1)! / 3]);
  backend.addon.attention(
    attentionShape(call), attrs.scale, backend.floats(qkv), backend.floats(padToken),
    backend.floats(biasTable), backend.floats(y), backend.multiply,
  ); // prettier-ignore
  return y;
};

const attentionGrad: Kernel<'VocoWindowAttentionGrad'> = (call) => {
  const { inputs, attrs, backend } = call;
  const { qkv, padToken, biasTable, dy } = inputs;
  const [dqkv, dpad, dtable] = [qkv, padToken, biasTable].map((t) => backend.empty(t.shape)) as [
    tf.TensorInfo,
    tf.TensorInfo,
    tf.TensorInfo,
  ];
  backend.addon.attentionGrad(
    attentionShape(call), attrs.scale, backend.floats(qkv), backend.floats(padToken),
    backend.floats(biasTable), backend.floats(dy),
    backend.floats(dqkv), backend.floats(dpad), backend.floats(dtable), backend.multiply,
  ); // prettier-ignore
  return [dqkv, dpad, dtable];
};

/** The description of an attention of all tokens for the addon: see `tokenAttentionOf` in native/src/bindings.cc. */
function tokensShape({ inputs, attrs }: Call<'VocoTokenAttention' | 'VocoTokenAttentionGrad'>): number[] {
  return [...inputs.q.shape, attrs.heads, inputs.rotary.shape[0]!];
}

const tokenAttention: Kernel<'VocoTokenAttention'> = (call) => {
  const { inputs, attrs, backend } = call;
  const { q, k, v, rotary } = inputs;
  const y = backend.empty(q.shape);
  backend.addon.tokenAttention(
    tokensShape(call), attrs.scale, backend.floats(q), backend.floats(k), backend.floats(v),
    backend.floats(rotary), backend.floats(y), backend.multiply,
  ); // prettier-ignore
  return y;
};

const tokenAttentionGrad: Kernel<'VocoTokenAttentionGrad'> = (call) => {
  const { inputs, attrs, backend } = call;
  const { q, k, v, rotary, dy } = inputs;
  const [dq, dk, dv] = [backend.empty(q.shape), backend.empty(q.shape), backend.empty(q.shape)];
  backend.addon.tokenAttentionGrad(
    tokensShape(call), attrs.scale, backend.floats(q), backend.floats(k), backend.floats(v),
    backend.floats(rotary), backend.floats(dy), backend.floats(dq), backend.floats(dk), backend.floats(dv),
    backend.multiply,
  ); // prettier-ignore
  return [dq, dk, dv];
};

export const networkKernels: Kernels = {
  VocoLayerNorm: layerNorm,
  VocoLayerNormGrad: layerNormGrad,
  VocoInstanceNorm: instanceNorm,
  VocoInstanceNormGrad: instanceNormGrad,
  VocoGroupNorm: groupNorm,
  VocoGroupNormGrad: groupNormGrad,
  VocoAveragePool: averagePool,
  VocoAveragePoolGrad: averagePoolGrad,
  VocoChannelNorm: channelNorm,
  VocoUpsample: upsample,
  VocoUpsampleGrad: upsampleGrad,
  VocoWindowAttention: attention,
  VocoWindowAttentionGrad: attentionGrad,
  VocoTokenAttention: tokenAttention,
  VocoTokenAttentionGrad: tokenAttentionGrad,
};

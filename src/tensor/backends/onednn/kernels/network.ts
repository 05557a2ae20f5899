/** The fused kernels of `ops/kernels.ts`: normalisation and window attention. */
import type * as tf from '../../../tf';
import type { WindowAttentionAttrs } from '../../../ops/kernels';
import { type Call, type KernelFn, type KernelTable, need, optionalFloats, sizeOf } from './context';

const layerNorm: KernelFn = (call) => {
  const { backend } = call;
  const x = need(call, 'x');
  const n = x.shape.at(-1)!;
  const rows = sizeOf(x.shape) / n;
  const [y, mean, rstd] = [backend.empty(x.shape), backend.empty([rows]), backend.empty([rows])];
  backend.addon.layerNorm(
    backend.floats(x), optionalFloats(call, 'gamma'), optionalFloats(call, 'beta'),
    backend.floats(y), backend.floats(mean), backend.floats(rstd), rows, n, call.attrs.eps as number,
  ); // prettier-ignore
  return [y, mean, rstd];
};

const layerNormGrad: KernelFn = (call) => {
  const { backend } = call;
  const x = need(call, 'x');
  const n = x.shape.at(-1)!;
  const [dx, dgamma, dbeta] = [backend.empty(x.shape), backend.empty([n]), backend.empty([n])];
  backend.addon.layerNormGrad(
    backend.floats(x), backend.floats(need(call, 'dy')), backend.floats(need(call, 'mean')),
    backend.floats(need(call, 'rstd')), optionalFloats(call, 'gamma'),
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

const instanceNorm: KernelFn = (call) => {
  const { backend } = call;
  const x = need(call, 'x');
  const { eps, slope } = call.attrs as { eps: number; slope: number };
  const [batch, voxels, channels] = extents(x);
  const moments = [batch, channels];
  const [y, mean, rstd] = [backend.empty(x.shape), backend.empty(moments), backend.empty(moments)];
  backend.addon.instanceNorm(
    backend.floats(x), backend.floats(y), backend.floats(mean), backend.floats(rstd), batch, voxels, channels, eps, slope,
  ); // prettier-ignore
  return [y, mean, rstd];
};

const instanceNormGrad: KernelFn = (call) => {
  const { backend } = call;
  const y = need(call, 'y');
  const [batch, voxels, channels] = extents(y);
  const dx = backend.empty(y.shape);
  backend.addon.instanceNormGrad(
    backend.floats(y), backend.floats(need(call, 'dy')), backend.floats(need(call, 'rstd')), backend.floats(dx),
    batch, voxels, channels, call.attrs.slope as number,
  ); // prettier-ignore
  return dx;
};

/** What the addon is told of a call of window attention: see `attentionOf` in native/src/bindings.cc. */
function attentionShape(call: Call): number[] {
  const { tableWindow, window, shift, heads } = call.attrs as unknown as WindowAttentionAttrs;
  const [batch, d, h, w, width] = need(call, 'qkv').shape as [number, number, number, number, number];
  return [batch, d, h, w, width / 3, heads, ...tableWindow, ...window, ...shift];
}

const attention: KernelFn = (call) => {
  const { backend } = call;
  const qkv = need(call, 'qkv');
  const y = backend.empty([...qkv.shape.slice(0, -1), qkv.shape.at(-1)! / 3]);
  backend.addon.attention(
    attentionShape(call), call.attrs.scale as number, backend.floats(qkv), backend.floats(need(call, 'padToken')),
    backend.floats(need(call, 'biasTable')), backend.floats(y), backend.multiply,
  ); // prettier-ignore
  return y;
};

const attentionGrad: KernelFn = (call) => {
  const { backend } = call;
  const [qkv, padToken, biasTable] = [need(call, 'qkv'), need(call, 'padToken'), need(call, 'biasTable')];
  const [dqkv, dpad, dtable] = [qkv, padToken, biasTable].map((t) => backend.empty(t.shape)) as [
    tf.TensorInfo,
    tf.TensorInfo,
    tf.TensorInfo,
  ];
  backend.addon.attentionGrad(
    attentionShape(call), call.attrs.scale as number, backend.floats(qkv), backend.floats(padToken),
    backend.floats(biasTable), backend.floats(need(call, 'dy')),
    backend.floats(dqkv), backend.floats(dpad), backend.floats(dtable), backend.multiply,
  ); // prettier-ignore
  return [dqkv, dpad, dtable];
};

export const networkKernels: KernelTable = {
  VocoLayerNorm: layerNorm,
  VocoLayerNormGrad: layerNormGrad,
  VocoInstanceNorm: instanceNorm,
  VocoInstanceNormGrad: instanceNormGrad,
  VocoWindowAttention: attention,
  VocoWindowAttentionGrad: attentionGrad,
};

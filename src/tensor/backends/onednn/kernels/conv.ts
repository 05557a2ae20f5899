/** 3D convolution and its gradients: ours (`ops/kernels.ts`) and tfjs's, which have the same arguments to oneDNN. */
import type { Vec3 } from '../../../../geometry';
import * as tf from '../../../tf';
import type { ConvAttrs, ConvFilterAttrs, ConvInputAttrs } from '../../../ops/kernels';
import { Multiply } from '../bf16';
import { type Call, isFloat, type KernelFn, type KernelTable, need, optionalFloats } from './context';

type Shape5 = [number, number, number, number, number];
const Kind = { forward: 0, backwardData: 1, backwardWeights: 2 } as const;

/** What oneDNN is told of a convolution: see `Shape` in native/src/conv.cc. */
interface Geometry {
  x: Shape5;
  y: Shape5;
  filter: Shape5;
  stride: Vec3;
  before: Vec3;
  after: Vec3;
}

const numbersOf = (g: Geometry): number[] => [
  ...g.x, ...g.y.slice(1), ...g.filter.slice(0, 3), ...g.stride, ...g.before, ...g.after,
]; // prettier-ignore

function symmetric(x: number[], filter: number[], { stride, padding }: ConvAttrs): Geometry {
  const out = [0, 1, 2].map((d) => Math.floor((x[d + 1]! + 2 * padding[d]! - filter[d]!) / stride[d]!) + 1);
  const after = [0, 1, 2].map((d) => (out[d]! - 1) * stride[d]! + filter[d]! - x[d + 1]! - padding[d]!);
  return {
    x: x as Shape5,
    y: [x[0]!, out[0]!, out[1]!, out[2]!, filter[4]!],
    filter: filter as Shape5,
    stride,
    before: padding,
    after: after as unknown as Vec3,
  };
}

/** Geometry of a tfjs convolution; undefined where it is dilated, which the `cpu` kernels do. */
function fromTfjs(call: Call, x: number[], filter: number[]): Geometry | undefined {
  const { strides, pad, dilations } = call.attrs as {
    strides: [number, number, number] | number;
    pad: 'valid' | 'same';
    dilations?: [number, number, number] | number;
  };
  const info = tf.backend_util.computeConv3DInfo(x as Shape5, filter as Shape5, strides, dilations ?? 1, pad);
  if (info.dilationDepth * info.dilationHeight * info.dilationWidth !== 1) return undefined;
  const { front, top, left, back, bottom, right } = info.padInfo;
  return {
    x: x as Shape5,
    y: info.outShape,
    filter: filter as Shape5,
    stride: [info.strideDepth, info.strideHeight, info.strideWidth],
    before: [front, top, left],
    after: [back, bottom, right],
  };
}

/** `multiply` is one of `Multiply`: ours as the backend is set, those of tfjs in float32. */
function forward(call: Call, g: Geometry, multiply: number): tf.TensorInfo {
  const { backend } = call;
  const y = backend.empty(g.y);
  const [x, filter] = [backend.floats(need(call, 'x')), backend.floats(need(call, 'filter'))];
  const bias = optionalFloats(call, 'bias');
  backend.addon.conv(Kind.forward, numbersOf(g), x, filter, bias, backend.floats(y), multiply);
  return y;
}

function backwardData(call: Call, g: Geometry, multiply: number): tf.TensorInfo {
  const { backend } = call;
  const dx = backend.empty(g.x);
  const [dy, filter] = [backend.floats(need(call, 'dy')), backend.floats(need(call, 'filter'))];
  backend.addon.conv(Kind.backwardData, numbersOf(g), backend.floats(dx), filter, null, dy, multiply);
  return dx;
}

function backwardWeights(call: Call, g: Geometry, bias: tf.TensorInfo | null, multiply: number): tf.TensorInfo {
  const { backend } = call;
  const dfilter = backend.empty(g.filter);
  const [x, dy] = [backend.floats(need(call, 'x')), backend.floats(need(call, 'dy'))];
  const dbias = bias ? backend.floats(bias) : null;
  backend.addon.conv(Kind.backwardWeights, numbersOf(g), x, backend.floats(dfilter), dbias, dy, multiply);
  return dfilter;
}

const attrsOf = <T>(call: Call): T => call.attrs as unknown as T;

const tfjsForward: KernelFn = (call) => {
  const [x, filter] = [need(call, 'x'), need(call, 'filter')];
  const g = fromTfjs(call, x.shape, filter.shape);
  return g && isFloat(x, filter) ? forward(call, g, Multiply.float32) : undefined;
};

const tfjsBackwardData: KernelFn = (call) => {
  const g = fromTfjs(call, attrsOf<ConvInputAttrs>(call).inputShape, need(call, 'filter').shape);
  return g && isFloat(need(call, 'dy'), need(call, 'filter')) ? backwardData(call, g, Multiply.float32) : undefined;
};

const tfjsBackwardWeights: KernelFn = (call) => {
  const x = need(call, 'x');
  const g = fromTfjs(call, x.shape, attrsOf<ConvFilterAttrs>(call).filterShape);
  return g && isFloat(x, need(call, 'dy')) ? backwardWeights(call, g, null, Multiply.float32) : undefined;
};

export const convKernels: KernelTable = {
  Conv3D: tfjsForward,
  Conv3DBackpropInputV2: tfjsBackwardData,
  Conv3DBackpropFilterV2: tfjsBackwardWeights,
  VocoConv3D: (call) => {
    const g = symmetric(need(call, 'x').shape, need(call, 'filter').shape, attrsOf<ConvAttrs>(call));
    return forward(call, g, call.backend.multiply);
  },
  VocoConv3DBackpropInput: (call) => {
    const attrs = attrsOf<ConvInputAttrs>(call);
    return backwardData(call, symmetric(attrs.inputShape, need(call, 'filter').shape, attrs), call.backend.multiply);
  },
  VocoConv3DBackpropFilter: (call) => {
    const attrs = attrsOf<ConvFilterAttrs>(call);
    const dbias = attrs.bias ? call.backend.empty([attrs.filterShape[4]]) : null;
    const g = symmetric(need(call, 'x').shape, attrs.filterShape, attrs);
    const dfilter = backwardWeights(call, g, dbias, call.backend.multiply);
    return dbias ? [dfilter, dbias] : [dfilter];
  },
};

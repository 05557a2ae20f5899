/** 3D convolution and its gradients: ours (`ops/kernels.ts`) and tfjs's, which have the same arguments to oneDNN. */
import { mapAxes, type Vec3 } from '../../../../geometry';
import * as tf from '../../../tf';
import type { ConvAttrs, Shape5D } from '../../../ops/kernels';
import { Multiply } from '../bf16';
import { type Call, isFloat, type Kernel, type Kernels, optionalFloats } from './context';

const Kind = { forward: 0, backwardData: 1, backwardWeights: 2 } as const;

/** The description of a convolution for oneDNN: see `Shape` in native/src/conv.cc. */
interface Geometry {
  x: Shape5D;
  y: Shape5D;
  filter: Shape5D;
  stride: Vec3;
  before: Vec3;
  after: Vec3;
}

const numbersOf = (g: Geometry): number[] => [
  ...g.x, ...g.y.slice(1), ...g.filter.slice(0, 3), ...g.stride, ...g.before, ...g.after,
]; // prettier-ignore

function symmetric(x: number[], filter: number[], { stride, padding }: ConvAttrs): Geometry {
  const out = mapAxes((d) => Math.floor((x[d + 1]! + 2 * padding[d]! - filter[d]!) / stride[d]!) + 1);
  const after = mapAxes((d) => (out[d]! - 1) * stride[d]! + filter[d]! - x[d + 1]! - padding[d]!);
  return {
    x: x as Shape5D,
    y: [x[0]!, ...out, filter[4]!],
    filter: filter as Shape5D,
    stride,
    before: padding,
    after,
  };
}

/** Geometry of a tfjs convolution; undefined where it is dilated, which the `cpu` kernels do. */
function fromTfjs(
  x: number[],
  filter: number[],
  { strides, pad, dilations }: Pick<tf.Conv3DAttrs, 'strides' | 'pad'> & Partial<tf.Conv3DAttrs>,
): Geometry | undefined {
  const info = tf.backend_util.computeConv3DInfo(x as Shape5D, filter as Shape5D, strides, dilations ?? 1, pad);
  if (info.dilationDepth * info.dilationHeight * info.dilationWidth !== 1) return undefined;
  const { front, top, left, back, bottom, right } = info.padInfo;
  return {
    x: x as Shape5D,
    y: info.outShape,
    filter: filter as Shape5D,
    stride: [info.strideDepth, info.strideHeight, info.strideWidth],
    before: [front, top, left],
    after: [back, bottom, right],
  };
}

/** `multiply` is one of `Multiply`: ours as the backend is set, those of tfjs in float32. */
function forward(
  { inputs: { x, filter, bias }, backend }: Pick<Call<'VocoConv3D'>, 'inputs' | 'backend'>,
  g: Geometry,
  multiply: number,
): tf.TensorInfo {
  const y = backend.empty(g.y);
  const [from, by] = [backend.floats(x), backend.floats(filter)];
  const added = optionalFloats(backend, bias);
  backend.addon.conv(Kind.forward, numbersOf(g), from, by, added, backend.floats(y), multiply);
  return y;
}

function backwardData(
  { inputs, backend }: Call<'VocoConv3DBackpropInput' | 'Conv3DBackpropInputV2'>,
  g: Geometry,
  multiply: number,
): tf.TensorInfo {
  const dx = backend.empty(g.x);
  const [dy, filter] = [backend.floats(inputs.dy), backend.floats(inputs.filter)];
  backend.addon.conv(Kind.backwardData, numbersOf(g), backend.floats(dx), filter, null, dy, multiply);
  return dx;
}

function backwardWeights(
  { inputs, backend }: Call<'VocoConv3DBackpropFilter' | 'Conv3DBackpropFilterV2'>,
  g: Geometry,
  bias: tf.TensorInfo | undefined,
  multiply: number,
): tf.TensorInfo {
  const dfilter = backend.empty(g.filter);
  const [x, dy] = [backend.floats(inputs.x), backend.floats(inputs.dy)];
  const dbias = optionalFloats(backend, bias);
  backend.addon.conv(Kind.backwardWeights, numbersOf(g), x, backend.floats(dfilter), dbias, dy, multiply);
  return dfilter;
}

const tfjsForward: Kernel<'Conv3D'> = (call) => {
  const { x, filter } = call.inputs;
  const g = fromTfjs(x.shape, filter.shape, call.attrs);
  return g && isFloat(x, filter) ? forward(call, g, Multiply.float32) : undefined;
};

const tfjsBackwardData: Kernel<'Conv3DBackpropInputV2'> = (call) => {
  const { dy, filter } = call.inputs;
  const g = fromTfjs(call.attrs.inputShape, filter.shape, call.attrs);
  return g && isFloat(dy, filter) ? backwardData(call, g, Multiply.float32) : undefined;
};

const tfjsBackwardWeights: Kernel<'Conv3DBackpropFilterV2'> = (call) => {
  const { x, dy } = call.inputs;
  const g = fromTfjs(x.shape, call.attrs.filterShape, call.attrs);
  return g && isFloat(x, dy) ? backwardWeights(call, g, undefined, Multiply.float32) : undefined;
};

export const convKernels: Kernels = {
  Conv3D: tfjsForward,
  Conv3DBackpropInputV2: tfjsBackwardData,
  Conv3DBackpropFilterV2: tfjsBackwardWeights,
  VocoConv3D: (call) => {
    const { x, filter } = call.inputs;
    return forward(call, symmetric(x.shape, filter.shape, call.attrs), call.backend.multiply);
  },
  VocoConv3DBackpropInput: (call) => {
    const { inputs, attrs, backend } = call;
    return backwardData(call, symmetric(attrs.inputShape, inputs.filter.shape, attrs), backend.multiply);
  },
  VocoConv3DBackpropFilter: (call) => {
    const { inputs, attrs, backend } = call;
    const dbias = attrs.bias ? backend.empty([attrs.filterShape[4]]) : undefined;
    const g = symmetric(inputs.x.shape, attrs.filterShape, attrs);
    const dfilter = backwardWeights(call, g, dbias, backend.multiply);
    return dbias ? [dfilter, dbias] : [dfilter];
  },
};

/** Elementwise functions of one and two tensors, with any broadcasting. */
import * as tf from '../../../tf';
import type { Addon } from '../addon';
import type { OneDnnBackend } from '../backend';
import { collapse, isFloat, type Kernel, type Kernels, sizeOf, stridesOf } from './context';

/** Strides of `shape` seen as `out`: 0 along axes that are broadcast. */
function broadcastStrides(shape: readonly number[], out: readonly number[]): number[] {
  const strides = stridesOf(shape);
  const offset = out.length - shape.length;
  return out.map((_, d) => (d < offset || shape[d - offset] === 1 ? 0 : strides[d - offset]!));
}

export function unary(backend: OneDnnBackend, op: string, x: tf.TensorInfo, p = 0): tf.TensorInfo {
  const y = backend.empty(x.shape);
  backend.addon.unary(opNumber(backend.addon.unaryOps, op), backend.floats(x), backend.floats(y), sizeOf(x.shape), p);
  return y;
}

export function binary(backend: OneDnnBackend, op: string, a: tf.TensorInfo, b: tf.TensorInfo, p = 0): tf.TensorInfo {
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const y = backend.empty(shape);
  const [dims, as, bs] = collapse(shape, broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape));
  backend.addon.binary(
    opNumber(backend.addon.binaryOps, op), backend.floats(a), backend.floats(b), backend.floats(y), dims, as, bs, p,
  ); // prettier-ignore
  return y;
}

const numbers = new Map<string, number>();

function opNumber(list: readonly string[], op: string): number {
  let number = numbers.get(op);
  if (number === undefined) {
    number = list.indexOf(op);
    if (number < 0) throw new Error(`onednn: the addon has no ${op}: run npm run build:native`);
    numbers.set(op, number);
  }
  return number;
}

type UnaryName = 'Relu' | 'LeakyRelu' | 'Step';

/** @param op one that has no parameter, or has it as `alpha`. */
function unaryKernel(op: string): Kernel<UnaryName> {
  return ({ inputs: { x }, attrs, backend }) =>
    isFloat(x) ? unary(backend, op, x, attrs && 'alpha' in attrs ? attrs.alpha : 0) : undefined;
}

function binaryKernel(op: string): Kernel<'Add'> {
  return ({ inputs: { a, b }, backend }) =>
    isFloat(a, b) && Math.max(a.shape.length, b.shape.length) <= 10 ? binary(backend, op, a, b) : undefined;
}

const addN: Kernel<'AddN'> = ({ inputs, backend }) => {
  if (inputs.length < 2 || !isFloat(...inputs)) return undefined;
  let sum = binary(backend, 'Add', inputs[0]!, inputs[1]!);
  for (const tensor of inputs.slice(2)) {
    const next = binary(backend, 'Add', sum, tensor);
    backend.disposeIntermediateTensorInfo(sum);
    sum = next;
  }
  return sum;
};

const fill: Kernel<'Fill'> = ({ attrs: { shape, value, dtype }, backend }) =>
  (dtype ?? 'float32') === 'float32' && typeof value === 'number' ? filled(backend, shape, value) : undefined;

export function filled(backend: OneDnnBackend, shape: number[], value: number): tf.TensorInfo {
  const y = backend.empty(shape);
  backend.addon.fill(backend.floats(y), sizeOf(shape), value);
  return y;
}

function like(value: number): Kernel<'ZerosLike' | 'OnesLike'> {
  return ({ inputs: { x }, backend }) => (x.dtype === 'float32' ? filled(backend, x.shape, value) : undefined);
}

const addLeakyReluGrad: Kernel<'VocoAddLeakyReluGrad'> = ({ inputs: { a, b, dy }, attrs, backend }) => {
  const dx = backend.empty(a.shape);
  backend.addon.addLeakyReluGrad(
    backend.floats(a), backend.floats(b), backend.floats(dy), backend.floats(dx), sizeOf(a.shape), attrs.slope,
  ); // prettier-ignore
  return dx;
};

/** Kernels with more to them than one function of the addon, and ours beyond tfjs's. */
const NAMED: Kernels = {
  AddN: addN,
  Fill: fill,
  ZerosLike: like(0),
  OnesLike: like(1),
  VocoGelu: ({ inputs, backend }) => unary(backend, 'Gelu', inputs.x),
  VocoGeluGrad: ({ inputs, backend }) => binary(backend, 'GeluGrad', inputs.x, inputs.dy),
  VocoAddLeakyRelu: ({ inputs, attrs, backend }) => binary(backend, 'AddLeakyRelu', inputs.a, inputs.b, attrs.slope),
  VocoAddLeakyReluGrad: addLeakyReluGrad,
};

/** The addon's elementwise functions that tfjs has no kernel for. */
const NOT_TFJS = new Set(['Gelu', 'GeluGrad', 'AddScalar', 'MulScalar', 'AddLeakyRelu']);

export function elementwiseKernels(addon: Addon): Kernels {
  const tfjs = (ops: readonly string[]) => ops.filter((op) => !NOT_TFJS.has(op));
  // The names come from the addon: those of tfjs's elementwise kernels.
  const functions: Record<string, Kernel<UnaryName> | Kernel<'Add'>> = Object.fromEntries([
    ...tfjs(addon.unaryOps).map((op) => [op, unaryKernel(op)]),
    ...tfjs(addon.binaryOps).map((op) => [op, binaryKernel(op)]),
  ]);
  return { ...NAMED, ...functions };
}

/** Elementwise functions of one and two tensors, with any broadcasting. */
import * as tf from '../../../tf';
import type { Addon } from '../addon';
import { type Call, collapse, isFloat, type KernelFn, type KernelTable, need, sizeOf, stridesOf } from './context';

/** Strides of `shape` seen as `out`: 0 along axes that are broadcast. */
function broadcastStrides(shape: readonly number[], out: readonly number[]): number[] {
  const strides = stridesOf(shape);
  const offset = out.length - shape.length;
  return out.map((_, d) => (d < offset || shape[d - offset] === 1 ? 0 : strides[d - offset]!));
}

export function unary(call: Call, op: string, x: tf.TensorInfo, p = 0): tf.TensorInfo {
  const { backend } = call;
  const y = backend.empty(x.shape);
  backend.addon.unary(opNumber(backend.addon.unaryOps, op), backend.floats(x), backend.floats(y), sizeOf(x.shape), p);
  return y;
}

export function binary(call: Call, op: string, a: tf.TensorInfo, b: tf.TensorInfo, p = 0): tf.TensorInfo {
  const { backend } = call;
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

/** tfjs's name → where its parameter is, for those that have one. */
const PARAMETER: Record<string, string> = { LeakyRelu: 'alpha', Step: 'alpha' };

function unaryKernel(op: string): KernelFn {
  return (call) => {
    const x = need(call, 'x');
    if (!isFloat(x)) return undefined;
    const parameter = PARAMETER[op];
    return unary(call, op, x, parameter ? (call.attrs[parameter] as number) : 0);
  };
}

function binaryKernel(op: string): KernelFn {
  return (call) => {
    const a = need(call, 'a');
    const b = need(call, 'b');
    return isFloat(a, b) && Math.max(a.shape.length, b.shape.length) <= 10 ? binary(call, op, a, b) : undefined;
  };
}

const addN: KernelFn = (call) => {
  const tensors = call.inputs as unknown as tf.TensorInfo[];
  if (tensors.length < 2 || !isFloat(...tensors)) return undefined;
  let sum = binary(call, 'Add', tensors[0]!, tensors[1]!);
  for (const tensor of tensors.slice(2)) {
    const next = binary(call, 'Add', sum, tensor);
    call.backend.disposeIntermediateTensorInfo(sum);
    sum = next;
  }
  return sum;
};

const fill: KernelFn = (call) => {
  const { shape, value, dtype } = call.attrs as { shape: number[]; value: number; dtype: string };
  return (dtype ?? 'float32') === 'float32' && typeof value === 'number' ? filled(call, shape, value) : undefined;
};

export function filled(call: Call, shape: number[], value: number): tf.TensorInfo {
  const y = call.backend.empty(shape);
  call.backend.addon.fill(call.backend.floats(y), sizeOf(shape), value);
  return y;
}

function like(value: number): KernelFn {
  return (call) => {
    const x = need(call, 'x');
    return x.dtype === 'float32' ? filled(call, x.shape, value) : undefined;
  };
}

const addLeakyReluGrad: KernelFn = (call) => {
  const { backend } = call;
  const a = need(call, 'a');
  const dx = backend.empty(a.shape);
  backend.addon.addLeakyReluGrad(
    backend.floats(a), backend.floats(need(call, 'b')), backend.floats(need(call, 'dy')), backend.floats(dx),
    sizeOf(a.shape), call.attrs.slope as number,
  ); // prettier-ignore
  return dx;
};

/** Ours beyond tfjs's, by the names of `ops/kernels.ts`. */
const OURS: KernelTable = {
  VocoGelu: (call) => unary(call, 'Gelu', need(call, 'x')),
  VocoGeluGrad: (call) => binary(call, 'GeluGrad', need(call, 'x'), need(call, 'dy')),
  VocoAddLeakyRelu: (call) =>
    binary(call, 'AddLeakyRelu', need(call, 'a'), need(call, 'b'), call.attrs.slope as number),
  VocoAddLeakyReluGrad: addLeakyReluGrad,
};

/** The addon's elementwise functions that tfjs has no kernel for. */
const NOT_TFJS = new Set(['Gelu', 'GeluGrad', 'AddScalar', 'MulScalar', 'AddLeakyRelu']);

export function elementwiseKernels(addon: Addon): KernelTable {
  const table: KernelTable = { AddN: addN, Fill: fill, ZerosLike: like(0), OnesLike: like(1), ...OURS };
  for (const op of addon.unaryOps) if (!NOT_TFJS.has(op)) table[op] = unaryKernel(op);
  for (const op of addon.binaryOps) if (!NOT_TFJS.has(op)) table[op] = binaryKernel(op);
  return table;
}

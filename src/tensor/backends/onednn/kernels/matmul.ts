/** Matrix products and dense layers. */
import type * as tf from '../../../tf';
import { Reduction } from '../addon';
import { Multiply } from '../bf16';
import { unary } from './elementwise';
import { type Call, isFloat, type KernelFn, type KernelTable, need, optionalFloats, sizeOf } from './context';

interface Sizes {
  batch: number;
  m: number;
  n: number;
  k: number;
  transposeA?: boolean;
  transposeB?: boolean;
}

function multiply(
  call: Call,
  s: Sizes,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  shape: number[],
  bias: Float32Array | null,
  precision: number,
) {
  const { backend } = call;
  const y = backend.empty(shape);
  backend.addon.matmul(
    [s.batch, s.m, s.n, s.k, s.transposeA ? 1 : 0, s.transposeB ? 1 : 0],
    backend.floats(a),
    backend.floats(b),
    bias,
    backend.floats(y),
    precision,
  );
  return y;
}

/** tfjs's product of two stacks of matrices, in float32: losses use it. Undefined where the stacks differ, which is left to `cpu`. */
function stacked(call: Call, bias: Float32Array | null): tf.TensorInfo | undefined {
  const [a, b] = [need(call, 'a'), need(call, 'b')];
  const { transposeA, transposeB } = call.attrs as { transposeA?: boolean; transposeB?: boolean };
  const [ra, rb] = [a.shape.length, b.shape.length];
  const batch = sizeOf(a.shape.slice(0, -2));
  const same = ra === rb && a.shape.slice(0, -2).every((n, d) => n === b.shape[d]);
  const [m, k] = transposeA ? [a.shape[ra - 1]!, a.shape[ra - 2]!] : [a.shape[ra - 2]!, a.shape[ra - 1]!];
  const [inner, n] = transposeB ? [b.shape[rb - 1]!, b.shape[rb - 2]!] : [b.shape[rb - 2]!, b.shape[rb - 1]!];
  if (!same || k !== inner || !isFloat(a, b)) return undefined;
  const shape = [...a.shape.slice(0, -2), m, n];
  return multiply(call, { batch, m, n, k, transposeA, transposeB }, a, b, shape, bias, Multiply.float32);
}

const fused: KernelFn = (call) => {
  const { activation } = call.attrs as { activation?: string };
  const bias = call.inputs.bias;
  const n = need(call, 'b').shape.at(call.attrs.transposeB ? -2 : -1)!;
  if (bias && (!isFloat(bias) || sizeOf(bias.shape) !== n)) return undefined;
  if (activation !== undefined && activation !== 'linear' && activation !== 'relu') return undefined;
  const y = stacked(call, optionalFloats(call, 'bias'));
  if (!y || activation !== 'relu') return y;
  const relu = unary(call, 'Relu', y);
  call.backend.disposeIntermediateTensorInfo(y);
  return relu;
};

/** Dense layers of fewer rows wait for their float32 weights from memory: rounding them would only cost. */
const FEW_ROWS = 64;

/**
 * How a dense layer's product over `rows` is computed. The projector, whose batch norm would magnify what rounding does to
 * the small differences between crops, is among those with few rows.
 */
const multiplyOf = (call: Call, rows: number): number => (rows < FEW_ROWS ? Multiply.float32 : call.backend.multiply);

const linear: KernelFn = (call) => {
  const [x, weight] = [need(call, 'x'), need(call, 'weight')];
  const [n, k] = weight.shape as [number, number];
  const m = sizeOf(x.shape) / k;
  const shape = [...x.shape.slice(0, -1), n];
  const bias = optionalFloats(call, 'bias');
  return multiply(call, { batch: 1, m, n, k, transposeB: true }, x, weight, shape, bias, multiplyOf(call, m));
};

const linearInput: KernelFn = (call) => {
  const [dy, weight] = [need(call, 'dy'), need(call, 'weight')];
  const [k, n] = weight.shape as [number, number];
  const shape = [...dy.shape.slice(0, -1), n];
  const m = sizeOf(dy.shape) / k;
  return multiply(call, { batch: 1, m, n, k }, dy, weight, shape, null, multiplyOf(call, m));
};

const linearWeight: KernelFn = (call) => {
  const { backend } = call;
  const [x, dy] = [need(call, 'x'), need(call, 'dy')];
  const [n, m] = [x.shape.at(-1)!, dy.shape.at(-1)!];
  const rows = sizeOf(x.shape) / n;
  const sizes = { batch: 1, m, n, k: rows, transposeA: true };
  const dweight = multiply(call, sizes, dy, x, [m, n], null, multiplyOf(call, rows));
  const dbias = backend.empty([m]);
  backend.addon.reduce(Reduction.Sum, backend.floats(dy), backend.floats(dbias), 1, rows, m);
  return [dweight, dbias];
};

export const matmulKernels: KernelTable = {
  BatchMatMul: (call) => stacked(call, null),
  _FusedMatMul: fused,
  VocoLinear: linear,
  VocoLinearBackpropInput: linearInput,
  VocoLinearBackpropWeight: linearWeight,
};

/** Matrix products and dense layers. */
import type * as tf from '../../../tf';
import { Reduction } from '../addon';
import { Multiply } from '../bf16';
import { unary } from './elementwise';
import type { OneDnnBackend } from '../backend';
import { type Call, isFloat, type Kernel, type Kernels, optionalFloats, sizeOf } from './context';

interface Sizes {
  batch: number;
  m: number;
  n: number;
  k: number;
  transposeA?: boolean;
  transposeB?: boolean;
}

function multiply(
  backend: OneDnnBackend,
  s: Sizes,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  shape: number[],
  bias: Float32Array | null,
  precision: number,
) {
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
function stacked(
  { inputs: { a, b }, attrs: { transposeA, transposeB }, backend }: Call<'BatchMatMul' | '_FusedMatMul'>,
  bias: Float32Array | null,
): tf.TensorInfo | undefined {
  const [ra, rb] = [a.shape.length, b.shape.length];
  const batch = sizeOf(a.shape.slice(0, -2));
  const same = ra === rb && a.shape.slice(0, -2).every((n, d) => n === b.shape[d]);
  const [m, k] = transposeA ? [a.shape[ra - 1]!, a.shape[ra - 2]!] : [a.shape[ra - 2]!, a.shape[ra - 1]!];
  const [inner, n] = transposeB ? [b.shape[rb - 1]!, b.shape[rb - 2]!] : [b.shape[rb - 2]!, b.shape[rb - 1]!];
  if (!same || k !== inner || !isFloat(a, b)) return undefined;
  const shape = [...a.shape.slice(0, -2), m, n];
  return multiply(backend, { batch, m, n, k, transposeA, transposeB }, a, b, shape, bias, Multiply.float32);
}

const fused: Kernel<'_FusedMatMul'> = (call) => {
  const { inputs, attrs, backend } = call;
  const { bias } = inputs;
  const { activation } = attrs;
  const n = inputs.b.shape.at(attrs.transposeB ? -2 : -1)!;
  if (bias && (!isFloat(bias) || sizeOf(bias.shape) !== n)) return undefined;
  if (activation !== undefined && activation !== 'linear' && activation !== 'relu') return undefined;
  const y = stacked(call, optionalFloats(backend, bias));
  if (!y || activation !== 'relu') return y;
  const relu = unary(backend, 'Relu', y);
  backend.disposeIntermediateTensorInfo(y);
  return relu;
};

/** Dense layers of fewer rows wait for their float32 weights from memory: rounding them would only cost. */
const FEW_ROWS = 64;

/**
 * How a dense layer's product over `rows` is computed. The projector, whose batch norm would magnify what rounding does to
 * the small differences between crops, is among those with few rows.
 */
const multiplyOf = (backend: OneDnnBackend, rows: number): number =>
  rows < FEW_ROWS ? Multiply.float32 : backend.multiply;

const linear: Kernel<'VocoLinear'> = ({ inputs: { x, weight, bias }, backend }) => {
  const [n, k] = weight.shape as [number, number];
  const m = sizeOf(x.shape) / k;
  const shape = [...x.shape.slice(0, -1), n];
  const added = optionalFloats(backend, bias);
  return multiply(backend, { batch: 1, m, n, k, transposeB: true }, x, weight, shape, added, multiplyOf(backend, m));
};

const linearInput: Kernel<'VocoLinearBackpropInput'> = ({ inputs: { dy, weight }, backend }) => {
  const [k, n] = weight.shape as [number, number];
  const shape = [...dy.shape.slice(0, -1), n];
  const m = sizeOf(dy.shape) / k;
  return multiply(backend, { batch: 1, m, n, k }, dy, weight, shape, null, multiplyOf(backend, m));
};

const linearWeight: Kernel<'VocoLinearBackpropWeight'> = ({ inputs: { x, dy }, backend }) => {
  const [n, m] = [x.shape.at(-1)!, dy.shape.at(-1)!];
  const rows = sizeOf(x.shape) / n;
  const sizes = { batch: 1, m, n, k: rows, transposeA: true };
  const dweight = multiply(backend, sizes, dy, x, [m, n], null, multiplyOf(backend, rows));
  const dbias = backend.empty([m]);
  backend.addon.reduce(Reduction.Sum, backend.floats(dy), backend.floats(dbias), 1, rows, m);
  return [dweight, dbias];
};

export const matmulKernels: Kernels = {
  BatchMatMul: (call) => stacked(call, null),
  _FusedMatMul: fused,
  VocoLinear: linear,
  VocoLinearBackpropInput: linearInput,
  VocoLinearBackpropWeight: linearWeight,
};

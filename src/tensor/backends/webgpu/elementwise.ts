/** Operations on each element. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { binding, BUILTINS, dispatch, FLAT_GROUP, flatGroups, output, type GpuBackend } from './device';

interface Options {
  functions?: string;
  /** The expression is for single elements only: otherwise it must also do for a vec4 of them. */
  scalar?: boolean;
}

const helpers = (type: string): string => `
  alias Value = ${type};
  fn leaky(x: ${type}, slope: f32) -> ${type} { return select(x * slope, x, x > ${type}(0.0)); }
  // Abramowitz and Stegun 7.1.26, within 1.5e-7.
  fn erf(x: ${type}) -> ${type} {
    let a = abs(x);
    let t = 1.0 / (1.0 + 0.3275911 * a);
    let p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    return sign(x) * (1.0 - p * exp(-a * a));
  }
  fn cumulative(x: ${type}) -> ${type} { return 0.5 * (1.0 + erf(x * 0.7071067811865476)); }`;

/** out[i] = expression of X0[i], X1[i], … in the shape of the first input. */
export function elementwise(
  backend: GpuBackend,
  inputs: TensorInfo[],
  expression: string,
  options: Options = {},
): TensorInfo {
  const out = output(backend, inputs[0]!.shape);
  const size = out.shape.reduce((a, b) => a * b, 1);
  const four = !options.scalar && size % 4 === 0;
  const [type, count] = four ? ['vec4<f32>', size / 4] : ['f32', size];
  const shader = {
    key: `elementwise ${size} ${four} ${expression} ${options.functions ?? ''}`,
    source: () => `
      ${inputs.map((_, i) => binding(i, `X${i}`, type)).join('')}
      ${binding(inputs.length, 'Out', type, 'read_write')}
      ${helpers(type)}
      ${options.functions ?? ''}
      @compute @workgroup_size(64)
      fn main(${BUILTINS}) {
        let i = ${FLAT_GROUP} * 64 + i32(local);
        if (i < ${count}) { Out[i] = ${expression}; }
      }`,
    workgroups: flatGroups(Math.ceil(count / 64)),
  };
  dispatch(backend, shader, [...inputs, out]);
  return out;
}

export const gelu = (backend: GpuBackend, x: TensorInfo): TensorInfo =>
  elementwise(backend, [x], 'X0[i] * cumulative(X0[i])');

export const geluGradient = (backend: GpuBackend, x: TensorInfo, dy: TensorInfo): TensorInfo =>
  elementwise(backend, [x, dy], 'X1[i] * (cumulative(X0[i]) + X0[i] * 0.3989422804014327 * exp(-0.5 * X0[i] * X0[i]))');

export const addLeakyRelu = (backend: GpuBackend, a: TensorInfo, b: TensorInfo, slope: number): TensorInfo =>
  elementwise(backend, [a, b], `leaky(X0[i] + X1[i], ${slope})`);

export const addLeakyReluGradient = (
  backend: GpuBackend,
  a: TensorInfo,
  b: TensorInfo,
  dy: TensorInfo,
  slope: number,
): TensorInfo => elementwise(backend, [a, b, dy], `select(X2[i] * ${slope}, X2[i], X0[i] + X1[i] > Value(0.0))`);

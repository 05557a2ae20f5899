/** Layer norm and instance norm, with their gradients. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { columnSums } from './columns';
import { binding, BUILTINS, dispatch, FLAT_GROUP, flatGroups, output, release, type GpuBackend } from './device';
import { elementwise } from './elementwise';

const WORKGROUP = 256;

/** Threads that share a row: a power of two, each with a few elements. */
const lanesFor = (width: number): number => Math.min(64, Math.max(4, 2 ** Math.ceil(Math.log2(width / 4))));

/** `sumRow(value)`: the sum over the threads of a row, in a fixed order. All threads of the workgroup must call it. */
const rowSum = (lanes: number): string => `
  var<workgroup> Shared: array<f32, ${WORKGROUP}>;
  fn sumRow(value: f32, local: u32) -> f32 {
    Shared[local] = value;
    workgroupBarrier();
    for (var half = ${lanes / 2}u; half > 0u; half = half / 2u) {
      if (local % ${lanes}u < half) { Shared[local] += Shared[local + half]; }
      workgroupBarrier();
    }
    let sum = Shared[local / ${lanes}u * ${lanes}u];
    workgroupBarrier();
    return sum;
  }`;

/** {x[...,C], gamma?, beta?} → [y, mean[rows], rstd[rows]]. */
export function layerNorm(
  backend: GpuBackend,
  x: TensorInfo,
  gamma: TensorInfo | undefined,
  beta: TensorInfo | undefined,
  eps: number,
): [TensorInfo, TensorInfo, TensorInfo] {
  const width = x.shape[x.shape.length - 1]!;
  const rows = x.shape.reduce((a, b) => a * b, 1) / width;
  const lanes = lanesFor(width);
  const perGroup = WORKGROUP / lanes;
  const [y, mean, rstd] = [output(backend, x.shape), output(backend, [rows]), output(backend, [rows])];
  const extra = [gamma, beta].filter((t) => t !== undefined);
  const shader = {
    key: `layerNorm ${rows},${width},${eps},${gamma ? 'g' : ''}${beta ? 'b' : ''}`,
    source: () => `
      ${binding(0, 'X', 'f32')}${binding(1, 'Y', 'f32', 'read_write')}
      ${binding(2, 'Mean', 'f32', 'read_write')}${binding(3, 'Rstd', 'f32', 'read_write')}
      ${gamma ? binding(4, 'Gamma', 'f32') : ''}${beta ? binding(gamma ? 5 : 4, 'Beta', 'f32') : ''}
      ${rowSum(lanes)}
      @compute @workgroup_size(${WORKGROUP})
      fn main(${BUILTINS}) {
        let row = ${FLAT_GROUP} * ${perGroup} + i32(local) / ${lanes};
        let lane = i32(local) % ${lanes};
        let end = select(0, ${width}, row < ${rows});
        var s = 0.0;
        for (var c = lane; c < end; c += ${lanes}) { s += X[row * ${width} + c]; }
        let mean = sumRow(s, local) / ${width}.0;
        var q = 0.0;
        for (var c = lane; c < end; c += ${lanes}) { let d = X[row * ${width} + c] - mean; q += d * d; }
        let rstd = 1.0 / sqrt(sumRow(q, local) / ${width}.0 + ${eps});
        for (var c = lane; c < end; c += ${lanes}) {
          Y[row * ${width} + c] = (X[row * ${width} + c] - mean) * rstd${gamma ? ' * Gamma[c]' : ''}${beta ? ' + Beta[c]' : ''};
        }
        if (lane == 0 && row < ${rows}) { Mean[row] = mean; Rstd[row] = rstd; }
      }`,
    workgroups: flatGroups(Math.ceil(rows / perGroup)),
  };
  dispatch(backend, shader, [x, y, mean, rstd, ...extra]);
  return [y, mean, rstd];
}

/** {x, dy, mean, rstd, gamma?} → [dx, dgamma[C], dbeta[C]]. */
export function layerNormGradient(
  backend: GpuBackend,
  x: TensorInfo,
  dy: TensorInfo,
  mean: TensorInfo,
  rstd: TensorInfo,
  gamma: TensorInfo | undefined,
): [TensorInfo, TensorInfo, TensorInfo] {
  const width = x.shape[x.shape.length - 1]!;
  const rows = x.shape.reduce((a, b) => a * b, 1) / width;
  const lanes = lanesFor(width);
  const perGroup = WORKGROUP / lanes;
  const dx = output(backend, x.shape);
  const slope = `(DY[row * ${width} + c]${gamma ? ' * Gamma[c]' : ''})`;
  const normal = `((X[row * ${width} + c] - mean) * rstd)`;
  const shader = {
    key: `layerNormGradient ${rows},${width},${gamma ? 'g' : ''}`,
    source: () => `
      ${['X', 'DY', 'Mean', 'Rstd'].map((name, i) => binding(i, name, 'f32')).join('')}
      ${binding(4, 'DX', 'f32', 'read_write')}${gamma ? binding(5, 'Gamma', 'f32') : ''}
      ${rowSum(lanes)}
      @compute @workgroup_size(${WORKGROUP})
      fn main(${BUILTINS}) {
        let row = ${FLAT_GROUP} * ${perGroup} + i32(local) / ${lanes};
        let lane = i32(local) % ${lanes};
        let end = select(0, ${width}, row < ${rows});
        let mean = Mean[min(row, ${rows - 1})];
        let rstd = Rstd[min(row, ${rows - 1})];
        var s = 0.0;
        var t = 0.0;
        for (var c = lane; c < end; c += ${lanes}) { let g = ${slope}; s += g; t += g * ${normal}; }
        let m1 = sumRow(s, local) / ${width}.0;
        let m2 = sumRow(t, local) / ${width}.0;
        for (var c = lane; c < end; c += ${lanes}) {
          DX[row * ${width} + c] = rstd * (${slope} - m1 - ${normal} * m2);
        }
      }`,
    workgroups: flatGroups(Math.ceil(rows / perGroup)),
  };
  dispatch(backend, shader, gamma ? [x, dy, mean, rstd, dx, gamma] : [x, dy, mean, rstd, dx]);
  const expressions = ['X0[at] * (X1[at] - X2[row]) * X3[row]', 'X0[at]'] as const;
  return [dx, ...columnSums(backend, { rows, columns: width, expressions }, [dy, x, mean, rstd])];
}

interface Instances {
  batch: number;
  voxels: number;
  channels: number;
}

const instances = (x: TensorInfo): Instances => ({
  batch: x.shape[0]!,
  channels: x.shape[x.shape.length - 1]!,
  voxels: x.shape.slice(1, -1).reduce((a, b) => a * b, 1),
});

/** Place of the statistics [N, C] of element, or vec4, i. */
function statistic({ voxels, channels }: Instances): string {
  const width = channels % 4 === 0 ? channels / 4 : channels;
  return `i / ${voxels * width} * ${width} + i % ${width}`;
}

const STANDARDISE = 'fn standardise(x: Value, mean: Value, rstd: Value) -> Value { return (x - mean) * rstd; }';

/** {x[N,D,H,W,C]} → [y, mean[N,C], rstd[N,C]], with leaky ReLU of `slope`. */
export function instanceNorm(
  backend: GpuBackend,
  x: TensorInfo,
  eps: number,
  slope: number,
): [TensorInfo, TensorInfo, TensorInfo] {
  const size = instances(x);
  const sums = { rows: size.voxels, columns: size.channels, groups: size.batch, scale: 1 / size.voxels };
  const [mean] = columnSums(backend, { ...sums, expressions: ['X0[at]'] }, [x]);
  const deviation = `X0[at] - X1[group_ * ${size.channels} + column]`;
  const functions = 'fn square(v: f32) -> f32 { return v * v; }';
  const expressions = [`square(${deviation})`] as const;
  const [variance] = columnSums(backend, { ...sums, functions, expressions }, [x, mean]);
  const rstd = elementwise(backend, [variance], `inverseSqrt(X0[i] + ${eps})`);
  const at = statistic(size);
  const y = elementwise(backend, [x, mean, rstd], `leaky(standardise(X0[i], X1[${at}], X2[${at}]), ${slope})`, {
    functions: STANDARDISE,
    scalar: size.channels % 4 !== 0,
  });
  release(backend, variance);
  return [y, mean, rstd];
}

/** {y, dy, rstd} → dx, through the activation, which is undone. */
export function instanceNormGradient(
  backend: GpuBackend,
  y: TensorInfo,
  dy: TensorInfo,
  rstd: TensorInfo,
  slope: number,
): TensorInfo {
  const size = instances(y);
  const functions = `
    fn normal(y: Value) -> Value { return select(y * ${1 / slope}, y, y > Value(0.0)); }
    fn through(dy: Value, normal: Value) -> Value { return select(dy * ${slope}, dy, normal > Value(0.0)); }`;
  const sums = { rows: size.voxels, columns: size.channels, groups: size.batch, scale: 1 / size.voxels };
  const expressions = ['through(X1[at], X0[at])', 'through(X1[at], X0[at]) * normal(X0[at])'] as const;
  const [m1, m2] = columnSums(backend, { ...sums, functions, expressions }, [y, dy]);
  const at = statistic(size);
  const dx = elementwise(backend, [y, dy, rstd, m1, m2], 'value(i)', {
    scalar: size.channels % 4 !== 0,
    functions: `${functions}
      fn value(i: i32) -> Value {
        let s = ${at};
        return X2[s] * (through(X1[i], X0[i]) - X3[s] - normal(X0[i]) * X4[s]);
      }`,
  });
  release(backend, m1, m2);
  return dx;
}

/** {x[N,D,H,W,C], mean[C], variance[C], gamma[C], beta[C]} → y, with leaky ReLU of `slope`. */
export function channelNorm(
  backend: GpuBackend,
  inputs: Record<'x' | 'mean' | 'variance' | 'gamma' | 'beta', TensorInfo>,
  { eps, slope }: { eps: number; slope: number },
): TensorInfo {
  const { x, mean, variance, gamma, beta } = inputs;
  const { channels } = instances(x);
  const scalar = channels % 4 !== 0;
  const c = `i % ${scalar ? channels : channels / 4}`;
  const value = `(X0[i] - X1[${c}]) * inverseSqrt(X2[${c}] + ${eps}) * X3[${c}] + X4[${c}]`;
  return elementwise(backend, [x, mean, variance, gamma, beta], `leaky(${value}, ${slope})`, { scalar });
}

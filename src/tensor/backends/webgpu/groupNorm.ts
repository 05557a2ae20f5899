/** Group norm with scale, shift, what is added and leaky ReLU, and its gradient. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { GroupNormAttrs } from '../../ops/kernels';
import { columnSums } from './columns';
import { release, type GpuBackend } from './device';
import { elementwise } from './elementwise';

interface Size {
  batch: number;
  voxels: number;
  channels: number;
  groups: number;
}

interface Affine {
  gamma?: TensorInfo;
  beta?: TensorInfo;
  residual?: TensorInfo;
  /** [N,D,H,W,1]: 1 for voxels that have part in the statistics, 0 for others. */
  visible?: TensorInfo;
}

const sizeOf = (x: TensorInfo, groups: number): Size => ({
  batch: x.shape[0]!,
  channels: x.shape[4]!,
  voxels: x.shape[1]! * x.shape[2]! * x.shape[3]!,
  groups,
});

const inGroup = ({ channels, groups }: Size): number => channels / groups;

/** Means over the channels of each group [N, G] of numbers for each channel [N, C], times those of `by` [C] where it is given. */
function groupMeans(backend: GpuBackend, size: Size, perChannel: TensorInfo, by?: TensorInfo): TensorInfo {
  const rows = inGroup(size);
  if (rows === 1 && !by) return perChannel;
  const expressions = [by ? `X0[at] * X1[row % ${size.channels}]` : 'X0[at]'] as const;
  const sums = { rows, columns: 1, groups: size.batch * size.groups, scale: 1 / rows, expressions };
  const [means] = columnSums(backend, sums, by ? [perChannel, by] : [perChannel]);
  release(backend, perChannel);
  return means;
}

/** Places, for element (or vec4) i, of the statistics [N, G] and of scale and shift [C]; and whether vec4 will do. */
function places(size: Size): { statistic: string; channel: string; scalar: boolean } {
  const scalar = inGroup(size) > 1 || size.channels % 4 !== 0;
  const width = scalar ? size.channels : size.channels / 4;
  const channel = `i % ${width}`;
  const sample = `i / ${size.voxels * width}`;
  const statistic =
    inGroup(size) === 1
      ? `${sample} * ${width} + ${channel}`
      : `${sample} * ${size.groups} + ${channel} / ${inGroup(size)}`;
  return { statistic, channel, scalar };
}

/** The tensors of `affine` that are there, and WGSL of the value before the activation; x, mean and rstd are X0, X1 and X2. */
function beforeActivation(size: Size, { gamma, beta, residual }: Affine, first: number): [string, TensorInfo[]] {
  const { statistic, channel } = places(size);
  const tensors: TensorInfo[] = [];
  const next = (tensor: TensorInfo, at: string): string => `X${first + tensors.push(tensor) - 1}[${at}]`;
  let z = `(X0[i] - X1[${statistic}]) * X2[${statistic}]`;
  if (gamma) z = `${z} * ${next(gamma, channel)}`;
  if (beta) z = `${z} + ${next(beta, channel)}`;
  if (residual) z = `${z} + ${next(residual, 'i')}`;
  return [z, tensors];
}

/** x, or 0 where a voxel is not visible: another tensor then. */
const masked = (backend: GpuBackend, x: TensorInfo, visible: TensorInfo | undefined): TensorInfo =>
  visible ? elementwise(backend, [x, visible], `X0[i] * X1[i / ${x.shape[4]!}]`, { scalar: true }) : x;

/** Share of the voxels that are visible [N, 1]; undefined where all are. */
function shareOf(
  backend: GpuBackend,
  { batch, voxels }: Size,
  visible: TensorInfo | undefined,
): TensorInfo | undefined {
  if (!visible) return undefined;
  const sums = { rows: voxels, columns: 1, groups: batch, scale: 1 / voxels, expressions: ['X0[at]'] as const };
  return columnSums(backend, sums, [visible])[0];
}

/** Means over all voxels [N, X] become means over the visible ones, which take their place. */
function ofVisible(
  backend: GpuBackend,
  { voxels }: Size,
  means: TensorInfo,
  share: TensorInfo | undefined,
): TensorInfo {
  if (!share) return means;
  const width = means.shape.reduce((a, b) => a * b, 1) / share.shape[0]!;
  const result = elementwise(backend, [means, share], `X0[i] / max(X1[i / ${width}], ${1 / voxels})`, { scalar: true });
  release(backend, means);
  return result;
}

/** {x, gamma?, beta?, residual?, visible?} → [y, mean[N,G], rstd[N,G]]. */
export function groupNorm(
  backend: GpuBackend,
  x: TensorInfo,
  affine: Affine,
  { groups, eps, slope }: GroupNormAttrs,
): [TensorInfo, TensorInfo, TensorInfo] {
  const size = sizeOf(x, groups);
  const { visible } = affine;
  const sums = { rows: size.voxels, columns: size.channels, groups: size.batch, scale: 1 / size.voxels };
  const share = shareOf(backend, size, visible);
  const meansOf = (functions: string, expression: string, tensors: TensorInfo[]): TensorInfo => {
    const seen = visible ? ` * X${tensors.length}[row]` : '';
    const expressions = [`${expression}${seen}`] as const;
    const [perChannel] = columnSums(
      backend,
      { ...sums, functions, expressions },
      visible ? [...tensors, visible] : tensors,
    );
    return ofVisible(backend, size, groupMeans(backend, size, perChannel), share);
  };
  const mean = meansOf('', 'X0[at]', [x]);
  const square = 'fn square(v: f32) -> f32 { return v * v; }';
  const variance = meansOf(square, `square(X0[at] - X1[group_ * ${groups} + column / ${inGroup(size)}])`, [x, mean]);
  const rstd = elementwise(backend, [variance], `inverseSqrt(X0[i] + ${eps})`);
  const [z, tensors] = beforeActivation(size, affine, 3);
  const all = elementwise(backend, [x, mean, rstd, ...tensors], `leaky(${z}, ${slope})`, {
    scalar: places(size).scalar,
  });
  const y = masked(backend, all, visible);
  release(backend, variance, ...(share ? [share, all] : []));
  return [y, mean, rstd];
}

/** {x, dy, mean, rstd, gamma?, beta?, residual?, visible?} → [dx, dgamma, dbeta, dresidual where it is given]. */
export function groupNormGradient(
  backend: GpuBackend,
  { x, dy, mean, rstd, ...affine }: { x: TensorInfo; dy: TensorInfo; mean: TensorInfo; rstd: TensorInfo } & Affine,
  slope: number,
): [TensorInfo, TensorInfo, TensorInfo, TensorInfo?] {
  const { gamma, residual, visible } = affine;
  const size = sizeOf(x, mean.shape.reduce((a, b) => a * b, 1) / x.shape[0]!);
  const { batch, channels, voxels } = size;
  const share = shareOf(backend, size, visible);
  const seen = masked(backend, dy, visible);
  const dz = slope === 1 ? seen : throughActivation(backend, size, [x, mean, rstd, seen], affine, slope);
  const sums = { rows: voxels, columns: channels, groups: batch, scale: 1 / voxels };
  const statistic = `group_ * ${size.groups} + column / ${inGroup(size)}`;
  const expressions = ['X1[at]', `X1[at] * (X0[at] - X2[${statistic}]) * X3[${statistic}]`] as const;
  const [shift, scale] = columnSums(backend, { ...sums, expressions }, [x, dz, mean, rstd]);
  // Over the batch, the means of each sample's voxels.
  const whole = { rows: batch, columns: channels, scale: voxels };
  const [dBeta, dGamma] = columnSums(backend, { ...whole, expressions: ['X0[at]', 'X1[at]'] as const }, [shift, scale]);
  const m1 = ofVisible(backend, size, groupMeans(backend, size, shift, gamma), share);
  const m2 = ofVisible(backend, size, groupMeans(backend, size, scale, gamma), share);
  const all = inputGradient(backend, size, [x, dz, mean, rstd, m1, m2], gamma);
  const dx = masked(backend, all, visible);
  release(backend, m1, m2, ...(share ? [share, all] : []));
  if (visible && dz !== seen) release(backend, seen);
  if (residual) return [dx, dGamma, dBeta, dz === dy ? elementwise(backend, [dy], 'X0[i]') : dz];
  if (dz !== dy) release(backend, dz);
  return [dx, dGamma, dBeta];
}

/** The gradient before the activation. */
function throughActivation(
  backend: GpuBackend,
  size: Size,
  [x, mean, rstd, dy]: [TensorInfo, TensorInfo, TensorInfo, TensorInfo],
  affine: Affine,
  slope: number,
): TensorInfo {
  const [z, tensors] = beforeActivation(size, affine, 4);
  const expression = `select(X3[i] * ${slope}, X3[i], ${z} > Value(0.0))`;
  return elementwise(backend, [x, mean, rstd, dy, ...tensors], expression, { scalar: places(size).scalar });
}

function inputGradient(
  backend: GpuBackend,
  size: Size,
  tensors: TensorInfo[],
  gamma: TensorInfo | undefined,
): TensorInfo {
  const { statistic, channel, scalar } = places(size);
  const scaled = gamma ? `X1[i] * X6[${channel}]` : 'X1[i]';
  const functions = `
    fn value(i: i32) -> Value {
      let s = ${statistic};
      return X3[s] * (${scaled} - X4[s] - (X0[i] - X2[s]) * X3[s] * X5[s]);
    }`;
  return elementwise(backend, gamma ? [...tensors, gamma] : tensors, 'value(i)', { scalar, functions });
}

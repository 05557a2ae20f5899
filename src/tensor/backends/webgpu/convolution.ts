/** 3D convolution and its two gradients as implicit matrix products: no patches are stored. */
import { mapAxes, mapVec3, voxelCount, type Vec3 } from '../../../geometry';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { ConvAttrs, ConvFilterAttrs, ConvInputAttrs } from '../../ops/kernels';
import { columnSums } from './columns';
import { unflatten, type GpuBackend } from './device';
import { runGemm } from './gemm';

interface Geometry {
  batch: number;
  input: Vec3;
  output: Vec3;
  kernel: Vec3;
  stride: Vec3;
  padding: Vec3;
  inner: number;
  outer: number;
}

const volume = (t: Vec3): number => voxelCount(t);
const spatial = (shape: readonly number[]): Vec3 => mapAxes((axis) => shape[axis + 1]!);
const kernelOf = (filterShape: readonly number[]): Vec3 => mapAxes((axis) => filterShape[axis]!);
const keyOf = (g: Geometry): string =>
  [g.batch, g.input, g.output, g.kernel, g.stride, g.padding, g.inner, g.outer].join(';');

const constants = (g: Geometry): string => `
  const I = ${g.inner}; const O = ${g.outer};
  const SIZE = vec3<i32>(${g.input}); const OUT = vec3<i32>(${g.output}); const KERNEL = vec3<i32>(${g.kernel});
  const STRIDE = vec3<i32>(${g.stride}); const PADDING = vec3<i32>(${g.padding});
  ${unflatten('outPlace', g.output)}${unflatten('tapPlace', g.kernel)}
  fn flatten(p: vec3<i32>, size: vec3<i32>) -> i32 { return (p.x * size.y + p.y) * size.z + p.z; }
  fn inside(p: vec3<i32>, size: vec3<i32>) -> bool { return all(p >= vec3<i32>(0)) && all(p < size); }`;

/** `patchAt(v, c)`: where in x lies column c = (tap, channel) of the patch around output voxel v, or −1 in the padding. */
const patches = (g: Geometry): string => `${constants(g)}
  fn patchAt(v: i32, c: i32) -> i32 {
    let place = outPlace(v % ${volume(g.output)}) * STRIDE - PADDING + tapPlace(c / I);
    if (!inside(place, SIZE)) { return -1; }
    return (v / ${volume(g.output)} * ${volume(g.input)} + flatten(place, SIZE)) * I + c % I;
  }`;

const reader = (name: string, type: string, divisor: string): string => `
  fn ${name}(at: i32) -> ${type} { if (at < 0) { return ${type}(0.0); } return A[at${divisor}]; }`;

/** `fetch4(at)` where the channels allow it, else `fetch1(at)`, of operand A; −1 reads as zero. */
const readers = (vectors: boolean): string =>
  vectors ? reader('fetch4', 'vec4<f32>', ' / 4') : reader('fetch1', 'f32', '');

/** {x[N,D,H,W,I], filter, bias?} → y[N,D',H',W',O]. */
export function convolution(
  backend: GpuBackend,
  x: TensorInfo,
  filter: TensorInfo,
  bias: TensorInfo | undefined,
  { stride, padding }: ConvAttrs,
): TensorInfo {
  const kernel = kernelOf(filter.shape);
  const input = spatial(x.shape);
  const size = mapVec3(input, (s, a) => Math.floor((s + 2 * padding[a]! - kernel[a]!) / stride[a]!) + 1);
  const [inner, outer] = filter.shape.slice(3) as [number, number];
  const g: Geometry = { batch: x.shape[0]!, input, output: size, kernel, stride, padding, inner, outer };
  const vectors = inner % 4 === 0;
  return runGemm(
    backend,
    {
      key: `conv ${keyOf(g)}`,
      m: g.batch * volume(size),
      n: outer,
      k: volume(kernel) * inner,
      a: { along: 'k', four: vectors ? 'fetch4(patchAt(m, k))' : undefined, one: 'fetch1(patchAt(m, k))' },
      b: { along: 'n', four: outer % 4 === 0 ? 'B[(k * O + n) / 4]' : undefined, one: 'B[k * O + n]' },
      functions: patches(g) + readers(vectors),
      outShape: [g.batch, ...size, outer],
      bias,
    },
    x,
    filter,
  );
}

/**
 * {dy, filter} → dx. Input voxels of the same remainder modulo the stride see the same taps of the filter, so each
 * remainder is one product ("phase") and no multiplication by zero is made.
 */
export function convolutionInputGradient(
  backend: GpuBackend,
  dy: TensorInfo,
  filter: TensorInfo,
  { stride, padding, inputShape }: ConvInputAttrs,
): TensorInfo {
  const kernel = kernelOf(filter.shape);
  const [inner, outer] = filter.shape.slice(3) as [number, number];
  const input = spatial(inputShape);
  const g: Geometry = {
    batch: inputShape[0],
    input,
    output: spatial(dy.shape),
    kernel,
    stride,
    padding,
    inner,
    outer,
  };
  const part = mapVec3(input, (s, a) => Math.ceil(s / stride[a]!));
  const taps = mapVec3(kernel, (s, a) => Math.ceil(s / stride[a]!));
  const vectors = outer % 4 === 0;
  const functions = `${constants(g)}
    ${unflatten('partPlace', part)}${unflatten('partTap', taps)}${unflatten('remainderOf', stride)}
    fn remainder() -> vec3<i32> { return remainderOf(phase); }
    fn voxel(m: i32) -> vec3<i32> { return partPlace(m % ${volume(part)}) * STRIDE + remainder(); }
    fn tap(k: i32) -> vec3<i32> { return (remainder() + PADDING) % STRIDE + partTap(k / O) * STRIDE; }
    fn source(m: i32, k: i32) -> i32 {
      let scaled = voxel(m) + PADDING - tap(k);
      let place = scaled / STRIDE;
      if (any(scaled < vec3<i32>(0)) || any(place >= OUT)) { return -1; }
      return (m / ${volume(part)} * ${volume(g.output)} + flatten(place, OUT)) * O + k % O;
    }
    fn weight(k: i32, n: i32) -> i32 {
      let t = tap(k);
      if (any(t >= KERNEL)) { return -1; }
      return (flatten(t, KERNEL) * I + n) * O + k % O;
    }
    fn row(m: i32) -> i32 {
      let place = voxel(m);
      if (any(place >= SIZE)) { return -1; }
      return m / ${volume(part)} * ${volume(input)} + flatten(place, SIZE);
    }
    ${readers(vectors)}
    ${vectors ? 'fn weight4(at: i32) -> vec4<f32> { if (at < 0) { return vec4<f32>(0.0); } return B[at / 4]; }' : ''}
    ${vectors ? '' : 'fn weight1(at: i32) -> f32 { if (at < 0) { return 0.0; } return B[at]; }'}`;
  return runGemm(
    backend,
    {
      key: `convInputGradient ${keyOf(g)}`,
      m: g.batch * volume(part),
      n: inner,
      k: volume(taps) * outer,
      a: { along: 'k', four: vectors ? 'fetch4(source(m, k))' : undefined, one: 'fetch1(source(m, k))' },
      b: { along: 'k', four: vectors ? 'weight4(weight(k, n))' : undefined, one: 'weight1(weight(k, n))' },
      functions,
      phases: volume(stride),
      row: volume(stride) > 1 ? 'row(m)' : undefined,
      outShape: inputShape,
    },
    dy,
    filter,
  );
}

/** {x, dy} → [dfilter, dbias]. */
export function convolutionFilterGradient(
  backend: GpuBackend,
  x: TensorInfo,
  dy: TensorInfo,
  { stride, padding, filterShape, bias }: ConvFilterAttrs,
): [TensorInfo, TensorInfo?] {
  const kernel = kernelOf(filterShape);
  const [inner, outer] = filterShape.slice(3) as [number, number];
  const g: Geometry = {
    batch: x.shape[0]!,
    input: spatial(x.shape),
    output: spatial(dy.shape),
    kernel,
    stride,
    padding,
    inner,
    outer,
  };
  const vectors = inner % 4 === 0;
  const voxels = g.batch * volume(g.output);
  const dFilter = runGemm(
    backend,
    {
      key: `convFilterGradient ${keyOf(g)}`,
      m: volume(kernel) * inner,
      n: outer,
      k: voxels,
      a: { along: 'm', four: vectors ? 'fetch4(patchAt(k, m))' : undefined, one: 'fetch1(patchAt(k, m))' },
      b: { along: 'n', four: outer % 4 === 0 ? 'B[(k * O + n) / 4]' : undefined, one: 'B[k * O + n]' },
      functions: patches(g) + readers(vectors),
      outShape: filterShape,
    },
    x,
    dy,
  );
  if (!bias) return [dFilter];
  const [dBias] = columnSums(backend, { rows: voxels, columns: outer, expressions: ['X0[at]'] }, [dy]);
  return [dFilter, dBias];
}

/** The same for a dense layer: a convolution of single voxels, with the weight as [out, in]. */
export function linear(
  backend: GpuBackend,
  x: TensorInfo,
  weight: TensorInfo,
  bias: TensorInfo | undefined,
): TensorInfo {
  const [outer, inner] = weight.shape as [number, number];
  const vectors = inner % 4 === 0;
  return runGemm(
    backend,
    {
      key: 'linear',
      m: rowsOf(x, inner),
      n: outer,
      k: inner,
      a: { along: 'k', four: vectors ? 'A[(m * K + k) / 4]' : undefined, one: 'A[m * K + k]' },
      b: { along: 'k', four: vectors ? 'B[(n * K + k) / 4]' : undefined, one: 'B[n * K + k]' },
      outShape: [...x.shape.slice(0, -1), outer],
      bias,
    },
    x,
    weight,
  );
}

/** {dy[...,O], weight[O,I]} → dx[...,I]. */
export function linearInputGradient(backend: GpuBackend, dy: TensorInfo, weight: TensorInfo): TensorInfo {
  const [outer, inner] = weight.shape as [number, number];
  return runGemm(
    backend,
    {
      key: 'linearInputGradient',
      m: rowsOf(dy, outer),
      n: inner,
      k: outer,
      a: { along: 'k', four: outer % 4 === 0 ? 'A[(m * K + k) / 4]' : undefined, one: 'A[m * K + k]' },
      b: { along: 'n', four: inner % 4 === 0 ? 'B[(k * N + n) / 4]' : undefined, one: 'B[k * N + n]' },
      outShape: [...dy.shape.slice(0, -1), inner],
    },
    dy,
    weight,
  );
}

/** {x[...,I], dy[...,O]} → [dweight[O,I], dbias[O]]. */
export function linearWeightGradient(backend: GpuBackend, x: TensorInfo, dy: TensorInfo): [TensorInfo, TensorInfo] {
  const [inner, outer] = [x.shape[x.shape.length - 1]!, dy.shape[dy.shape.length - 1]!];
  const rows = rowsOf(x, inner);
  const dWeight = runGemm(
    backend,
    {
      key: 'linearWeightGradient',
      m: outer,
      n: inner,
      k: rows,
      a: { along: 'm', four: outer % 4 === 0 ? 'A[(k * M + m) / 4]' : undefined, one: 'A[k * M + m]' },
      b: { along: 'n', four: inner % 4 === 0 ? 'B[(k * N + n) / 4]' : undefined, one: 'B[k * N + n]' },
      outShape: [outer, inner],
    },
    dy,
    x,
  );
  const [dBias] = columnSums(backend, { rows, columns: outer, expressions: ['X0[at]'] }, [dy]);
  return [dWeight, dBias];
}

const rowsOf = (x: TensorInfo, width: number): number => x.shape.reduce((a, b) => a * b, 1) / width;

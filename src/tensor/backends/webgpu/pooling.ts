/** Means of blocks of voxels, and their gradient. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { voxelCount, type Vec3 } from '../../../geometry';
import type { Shape5D } from '../../ops/kernels';
import { binding, BUILTINS, dispatch, FLAT_GROUP, flatGroups, output, type GpuBackend } from './device';

/** WGSL that takes the place i of a tensor apart: n, d, h, w and c. */
const apart = ([, d, h, w, c]: Shape5D): string => `
  let c = i % ${c};
  let w = i / ${c} % ${w};
  let h = i / ${c * w} % ${h};
  let d = i / ${c * w * h} % ${d};
  let n = i / ${c * w * h * d};`;

/** Fills a tensor of `shape` with what `body` computes for its element i, which is of n, d, h, w and c. */
export function fill(backend: GpuBackend, name: string, x: TensorInfo, shape: Shape5D, body: string): TensorInfo {
  const out = output(backend, shape);
  const count = shape.reduce((a, b) => a * b, 1);
  const shader = {
    key: `${name} ${x.shape.join()} ${shape.join()}`,
    source: () => `
      ${binding(0, 'X', 'f32')}${binding(1, 'Out', 'f32', 'read_write')}
      @compute @workgroup_size(64)
      fn main(${BUILTINS}) {
        let i = ${FLAT_GROUP} * 64 + i32(local);
        if (i >= ${count}) { return; }
        ${apart(shape)}
        ${body}
      }`,
    workgroups: flatGroups(Math.ceil(count / 64)),
  };
  dispatch(backend, shader, [x, out]);
  return out;
}

/** {x[N,D,H,W,C]} → means of blocks of `window` voxels. */
export function averagePool(backend: GpuBackend, x: TensorInfo, window: Vec3): TensorInfo {
  const [n, d, h, w, c] = x.shape as Shape5D;
  const [a, b, e] = window;
  const body = `
    var sum = 0.0;
    for (var p = 0; p < ${a}; p++) { for (var q = 0; q < ${b}; q++) { for (var r = 0; r < ${e}; r++) {
      sum += X[(((n * ${d} + d * ${a} + p) * ${h} + h * ${b} + q) * ${w} + w * ${e} + r) * ${c} + c];
    } } }
    Out[i] = sum * ${1 / voxelCount(window)};`;
  return fill(backend, 'averagePool', x, [n, d / a, h / b, w / e, c], body);
}

/** {dy} → dx of `inputShape`. */
export function averagePoolGradient(
  backend: GpuBackend,
  dy: TensorInfo,
  { window, inputShape }: { window: Vec3; inputShape: Shape5D },
): TensorInfo {
  const [, d, h, w, c] = dy.shape as Shape5D;
  const [a, b, e] = window;
  const body = `
    Out[i] = X[(((n * ${d} + d / ${a}) * ${h} + h / ${b}) * ${w} + w / ${e}) * ${c} + c] * ${1 / voxelCount(window)};`;
  return fill(backend, 'averagePoolGradient', dy, inputShape, body);
}

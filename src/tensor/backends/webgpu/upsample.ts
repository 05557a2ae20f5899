/** Trilinear interpolation to twice the size, and its gradient. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Shape5D } from '../../ops/kernels';
import type { GpuBackend } from './device';
import { fill } from './pooling';

/** {x[N,D,H,W,C]} → [N,2D,2H,2W,C]. Of two voxels along each axis the nearer one counts three quarters. */
export function upsample(backend: GpuBackend, x: TensorInfo): TensorInfo {
  const [batch, nd, nh, nw, channels] = x.shape as Shape5D;
  const axis = (at: string, length: number): string => `
    let ${at}0 = ${at} / 2;
    let ${at}1 = clamp(${at}0 + 2 * (${at} % 2) - 1, 0, ${length - 1});`;
  const body = `
    ${axis('d', nd)}${axis('h', nh)}${axis('w', nw)}
    var sum = 0.0;
    for (var p = 0; p < 2; p++) { for (var q = 0; q < 2; q++) { for (var r = 0; r < 2; r++) {
      let weight = select(0.25, 0.75, p == 0) * select(0.25, 0.75, q == 0) * select(0.25, 0.75, r == 0);
      let place = ((n * ${nd} + select(d1, d0, p == 0)) * ${nh} + select(h1, h0, q == 0)) * ${nw} + select(w1, w0, r == 0);
      sum += weight * X[place * ${channels} + c];
    } } }
    Out[i] = sum;`;
  return fill(backend, 'upsample', x, [batch, 2 * nd, 2 * nh, 2 * nw, channels], body);
}

/** {dy[N,2D,2H,2W,C]} → dx. */
export function upsampleGradient(backend: GpuBackend, dy: TensorInfo): TensorInfo {
  const [batch, d2, h2, w2, channels] = dy.shape as Shape5D;
  const [nd, nh, nw] = [d2 / 2, h2 / 2, w2 / 2];
  // A voxel has a share in the two that lie in it and in those next to them; beyond an end, in the last one that is there.
  const share = (at: string, step: string, length: number): string => `
      let ${step}Out = 2 * ${at} - 1 + ${step};
      let ${step}Share = select(0.25, 0.75, ${step} == 1 || ${step} == 2)
        + select(0.0, 0.25, (${at} == 0 && ${step} == 1) || (${at} == ${length - 1} && ${step} == 2));
      if (${step}Out < 0 || ${step}Out >= ${2 * length}) { continue; }`;
  const body = `
    var sum = 0.0;
    for (var p = 0; p < 4; p++) { ${share('d', 'p', nd)}
    for (var q = 0; q < 4; q++) { ${share('h', 'q', nh)}
    for (var r = 0; r < 4; r++) { ${share('w', 'r', nw)}
      let place = ((n * ${d2} + pOut) * ${h2} + qOut) * ${w2} + rOut;
      sum += pShare * qShare * rShare * X[place * ${channels} + c];
    } } }
    Out[i] = sum;`;
  return fill(backend, 'upsampleGradient', dy, [batch, nd, nh, nw, channels], body);
}

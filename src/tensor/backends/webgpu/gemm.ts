/** The matrix product that convolutions and dense layers are made of, with operands that are computed where they are read. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Arithmetic } from './arithmetic';
import { binding, BUILTINS, dispatch, FLAT_GROUP, flatGroups, output, release, type GpuBackend } from './device';
import { matrixSource, matrixTile } from './gemmMatrices';
import { threadSource, type ThreadTile } from './gemmShaders';
import { bestWidth, type Gemm, type Tile } from './gemmTypes';

function threadTile(m: number, n: number): ThreadTile {
  const narrow = Math.ceil(n / 4) * 4;
  const width = narrow > 64 ? bestWidth(n, [64, 56, 48, 40, 32]) : narrow;
  const x = width / 4;
  if (m <= 64) {
    const rows = Math.max(1, Math.ceil(m / 16));
    return { m: 16 * rows, n: width, x, y: 16, rows };
  }
  const y = Math.min(64, 2 ** Math.floor(Math.log2(256 / x)));
  return { m: 128, n: width, x, y, rows: 128 / y };
}

/** Enough workgroups to fill a large GPU, without parts of the sum so short that adding them up costs more. */
const WORKGROUPS_WANTED = 512;
const SHORTEST_SPLIT = 128;

const tileCount = (gemm: Gemm, tile: Tile): number => Math.ceil(gemm.m / tile.m) * Math.ceil(gemm.n / tile.n);

function chooseSplits(gemm: Gemm, tile: Tile): number {
  if ((gemm.phases ?? 1) > 1) return 1;
  const wanted = Math.floor(WORKGROUPS_WANTED / tileCount(gemm, tile));
  return Math.max(1, Math.min(wanted, Math.floor(gemm.k / SHORTEST_SPLIT), 256));
}

/** How a product is cut into workgroups, and its shader for a number of parts of the sum. */
interface Plan {
  key: string;
  tile: Tile;
  source: (splits: number) => string;
}

function plan(gemm: Gemm, arithmetic: Arithmetic): Plan {
  const { key, matrices } = arithmetic;
  const tile = matrices && matrixTile(gemm, matrices);
  if (tile) {
    const { m, n, k, lanes } = matrices;
    const source = (splits: number): string => matrixSource(gemm, tile, splits, { ...arithmetic, matrices });
    return { key: `${key} matrices ${m},${n},${k},${lanes},${matrices.emulated ?? false}`, tile, source };
  }
  const threads = threadTile(gemm.m, gemm.n);
  const plain = { ...arithmetic, matrices: undefined };
  return { key, tile: threads, source: (splits) => threadSource(gemm, threads, splits, plain) };
}

/** Runs the product of `a` and `b`. Sums are in a fixed order: the same inputs give the same bits. */
export function runGemm(backend: GpuBackend, gemm: Gemm, a: TensorInfo, b: TensorInfo): TensorInfo {
  const { key, tile, source } = plan(gemm, backend.arithmetic);
  const splits = chooseSplits(gemm, tile);
  const out = output(backend, splits > 1 ? [splits, gemm.m, gemm.n] : gemm.outShape);
  const [x, y] = flatGroups(tileCount(gemm, tile));
  const shader = {
    key: `gemm ${gemm.key} ${gemm.m},${gemm.n},${gemm.k} ${splits} ${gemm.bias ? 'bias' : ''} ${key}`,
    source: () => source(splits),
    workgroups: [x, y, splits > 1 ? splits : (gemm.phases ?? 1)] as [number, number, number],
  };
  const tensors = gemm.bias && splits === 1 ? [a, b, out, gemm.bias] : [a, b, out];
  dispatch(backend, shader, tensors);
  if (splits === 1) return out;
  const sum = sumParts(backend, out, splits, gemm.m * gemm.n, gemm.outShape, gemm.bias);
  release(backend, out);
  return sum;
}

/** Σ over `parts` of [parts, size] → `shape`; with `bias` [C], added along the last axis. `offset` skips within a part. */
export function sumParts(
  backend: GpuBackend,
  partial: TensorInfo,
  parts: number,
  size: number,
  shape: number[],
  bias?: TensorInfo,
  within: { stride: number; offset: number } = { stride: size, offset: 0 },
): TensorInfo {
  const out = output(backend, shape);
  const channels = bias ? bias.shape[0]! : 1;
  const shader = {
    key: `sumParts ${parts},${size},${within.stride},${within.offset},${bias ? channels : ''}`,
    source: () => `
      ${binding(0, 'Partial', 'f32')}
      ${binding(1, 'Out', 'f32', 'read_write')}
      ${bias ? binding(2, 'Bias', 'f32') : ''}
      @compute @workgroup_size(64)
      fn main(${BUILTINS}) {
        let i = ${FLAT_GROUP} * 64 + i32(local);
        if (i >= ${size}) { return; }
        var sum = ${bias ? `Bias[i % ${channels}]` : '0.0'};
        for (var part = 0; part < ${parts}; part++) { sum += Partial[part * ${within.stride} + ${within.offset} + i]; }
        Out[i] = sum;
      }`,
    workgroups: flatGroups(Math.ceil(size / 64)),
  };
  dispatch(backend, shader, bias ? [partial, out, bias] : [partial, out]);
  return out;
}

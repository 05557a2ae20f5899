/** Shifted-window attention and its gradient (shaders in `attentionShaders.ts`). */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { WindowAttentionAttrs } from '../../ops/kernels';
import {
  forwardSource,
  keyGradientSource,
  makeLayer,
  queryGradientSource,
  THREADS,
  type Layer,
} from './attentionShaders';
import { columnSums } from './columns';
import { binding, BUILTINS, dispatch, FLAT_GROUP, flatGroups, output, release, type GpuBackend } from './device';
import { sumParts } from './gemm';

/** [rows, columns] → [columns, rows]. */
function transposed(backend: GpuBackend, x: TensorInfo, rows: number, columns: number): TensorInfo {
  const out = output(backend, [columns, rows]);
  const size = rows * columns;
  const shader = {
    key: `transpose ${rows},${columns}`,
    source: () => `
      ${binding(0, 'X', 'f32')}${binding(1, 'Out', 'f32', 'read_write')}
      @compute @workgroup_size(64)
      fn main(${BUILTINS}) {
        let i = ${FLAT_GROUP} * 64 + i32(local);
        if (i < ${size}) { Out[i] = X[i % ${rows} * ${columns} + i / ${rows}]; }
      }`,
    workgroups: flatGroups(Math.ceil(size / 64)),
  };
  dispatch(backend, shader, [x, out]);
  return out;
}

/** {qkv[N,D,H,W,3C], padToken[3C], biasTable[T,heads]} → y[N,D,H,W,C]. */
export function windowAttention(
  backend: GpuBackend,
  qkv: TensorInfo,
  padToken: TensorInfo,
  biasTable: TensorInfo,
  attrs: WindowAttentionAttrs,
): TensorInfo {
  const layer = makeLayer(qkv.shape, attrs, backend.arithmetic);
  const bias = transposed(backend, biasTable, layer.rows, layer.heads);
  const y = output(backend, [...qkv.shape.slice(0, 4), layer.heads * layer.width]);
  const shader = {
    key: `windowAttention ${layer.key}`,
    source: () => forwardSource(layer),
    workgroups: flatGroups(layer.windows * layer.heads * layer.blocks),
  };
  dispatch(backend, shader, [qkv, padToken, bias, y]);
  release(backend, bias);
  return y;
}

const WORKGROUPS_WANTED = 2048;

/** {qkv, padToken, biasTable, dy} → [dqkv, dpadToken, dbiasTable]. */
export function windowAttentionGradient(
  backend: GpuBackend,
  qkv: TensorInfo,
  padToken: TensorInfo,
  biasTable: TensorInfo,
  dy: TensorInfo,
  attrs: WindowAttentionAttrs,
): [TensorInfo, TensorInfo, TensorInfo] {
  const layer = makeLayer(qkv.shape, attrs, backend.arithmetic);
  const { heads, rows, blocks, windows, tokens } = layer;
  const bias = transposed(backend, biasTable, rows, heads);
  const dQkv = output(backend, qkv.shape);
  const stats = output(backend, [windows * heads * tokens, 2]);
  const wanted = Math.min(windows, Math.max(1, Math.ceil(WORKGROUPS_WANTED / (heads * blocks))));
  const perGroup = Math.ceil(windows / wanted);
  const groups = Math.ceil(windows / perGroup);
  const biasPart = output(backend, [groups * blocks, heads, rows]);
  const queries = {
    key: `windowAttentionQueryGradient ${groups} ${layer.key}`,
    source: () => queryGradientSource(layer, groups, perGroup),
    workgroups: flatGroups(groups * heads * blocks),
  };
  dispatch(backend, queries, [qkv, padToken, bias, dy, dQkv, stats, biasPart]);
  const dPad = keyGradient(backend, layer, [qkv, padToken, bias, dy, dQkv, stats]);
  const dBias = sumParts(backend, biasPart, groups * blocks, heads * rows, [heads, rows]);
  const dTable = transposed(backend, dBias, heads, rows);
  release(backend, bias, stats, biasPart, dBias);
  return [dQkv, dPad, dTable];
}

/** Fills the key and value thirds of dqkv; the gradient of the padding token [3C]. */
function keyGradient(backend: GpuBackend, layer: Layer, tensors: TensorInfo[]): TensorInfo {
  const { windows, heads, blocks, width } = layer;
  const shader = {
    key: `windowAttentionKeyGradient ${THREADS} ${layer.key}`,
    source: () => keyGradientSource(layer),
    workgroups: flatGroups(windows * heads * blocks),
  };
  if (!layer.hasPadding) {
    dispatch(backend, shader, tensors);
    return backend.makeTensorInfo([3 * heads * width], 'float32', new Float32Array(3 * heads * width));
  }
  const columns = 3 * heads * width;
  const parts = output(backend, [windows * blocks, columns]);
  dispatch(backend, shader, [...tensors, parts]);
  const [dPad] = columnSums(backend, { rows: windows * blocks, columns, expressions: ['X0[at]'] }, [parts]);
  release(backend, parts);
  return dPad;
}

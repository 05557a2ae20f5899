/** Sums over rows, the reduction behind bias gradients and norms: in two steps and a fixed order. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { binding, BUILTINS, dispatch, FLAT_GROUP, flatGroups, output, release, type GpuBackend } from './device';
import { sumParts } from './gemm';

export interface ColumnSums {
  /** Rows of one group: the groups lie after one another, each is summed alone. */
  rows: number;
  columns: number;
  groups?: number;
  /**
   * WGSL expressions to be summed, on inputs X0, X1, …: `at` is the element's place, `row` its row over all groups, `group_`
   * its group and `column` its column.
   */
  expressions: readonly string[];
  functions?: string;
  /** Scales the sums (1/rows gives means). */
  scale?: number;
}

const LANES = 32;
const ROW_LANES = 8;
const CHUNKS_WANTED = 256;

function source(sums: ColumnSums, chunks: number, inputs: number): string {
  const { rows, columns, expressions, groups = 1 } = sums;
  const perChunk = Math.ceil(rows / chunks);
  const blocks = Math.ceil(columns / LANES);
  const count = expressions.length;
  const each = (line: (e: string, i: number) => string): string => expressions.map(line).join('\n');
  return `
    ${Array.from({ length: inputs }, (_, i) => binding(i, `X${i}`, 'f32')).join('')}
    ${binding(inputs, 'Out', 'f32', 'read_write')}
    ${each((_, i) => `var<workgroup> S${i}: array<f32, ${LANES * ROW_LANES}>;`)}
    alias Value = f32;
    ${sums.functions ?? ''}
    @compute @workgroup_size(${LANES * ROW_LANES})
    fn main(${BUILTINS}) {
      let number = ${FLAT_GROUP};
      let column = number % ${blocks} * ${LANES} + i32(local) % ${LANES};
      let chunk = number / ${blocks} % ${chunks};
      let group_ = number / ${blocks * chunks};
      ${each((_, i) => `var s${i} = 0.0;`)}
      if (column < ${columns} && group_ < ${groups}) {
        let last = min(${rows}, (chunk + 1) * ${perChunk});
        for (var r = chunk * ${perChunk} + i32(local) / ${LANES}; r < last; r += ${ROW_LANES}) {
          let row = group_ * ${rows} + r;
          let at = row * ${columns} + column;
          ${each((e, i) => `s${i} += ${e};`)}
        }
      }
      ${each((_, i) => `S${i}[local] = s${i};`)}
      workgroupBarrier();
      if (local < ${LANES}u && column < ${columns} && group_ < ${groups}) {
        for (var i = 1u; i < ${ROW_LANES}u; i++) { ${each((_, i) => `s${i} += S${i}[local + i * ${LANES}u];`)} }
        ${each((_, i) => `Out[(chunk * ${count} + ${i}) * ${groups * columns} + group_ * ${columns} + column] = s${i} * ${sums.scale ?? 1};`)}
      }
    }`; // prettier-ignore
}

/** For each expression its sums over rows: [columns], or [groups, columns] where `groups` is given. */
export function columnSums<const Expressions extends readonly string[]>(
  backend: GpuBackend,
  sums: ColumnSums & { readonly expressions: Expressions },
  inputs: TensorInfo[],
): { -readonly [i in keyof Expressions]: TensorInfo } {
  const { rows, columns, groups = 1, expressions } = sums;
  const blocks = Math.ceil(columns / LANES);
  const most = Math.max(1, Math.floor(CHUNKS_WANTED / (blocks * groups)));
  const chunks = Math.min(most, Math.ceil(rows / (ROW_LANES * 8)));
  const count = expressions.length;
  const size = groups * columns;
  const partial = output(backend, [chunks, count, groups, columns]);
  const shader = {
    key: `columnSums ${rows},${columns},${groups},${chunks},${sums.scale} ${expressions.join('|')} ${sums.functions}`,
    source: () => source(sums, chunks, inputs.length),
    workgroups: flatGroups(blocks * chunks * groups),
  };
  dispatch(backend, shader, [...inputs, partial]);
  const shape = sums.groups === undefined ? [columns] : [groups, columns];
  const results = expressions.map((_, i) =>
    sumParts(backend, partial, chunks, size, shape, undefined, { stride: count * size, offset: i * size }),
  );
  release(backend, partial);
  return results as { -readonly [i in keyof Expressions]: TensorInfo };
}

/** The matrix product by instructions of whole subgroups (Dawn's `chromium-experimental-subgroup-matrix`). */
import { TILE_K, type Arithmetic, type MatrixUnit } from './arithmetic';
import { BUILTINS } from './device';
import { biasOf, declarations, fill, rowOf, tilePlace } from './gemmShaders';
import { bestWidth, range, type Gemm, type Tile } from './gemmTypes';

/** Subgroups of a workgroup, one below the other, and the matrices of sums that each holds. */
const SUBGROUPS = 4;
const ROWS = 2;
const MOST_COLUMNS = 4;
/** Products smaller than this on a side are left to threads. */
const SMALLEST = 16;
/** Vectors of four between rows of a tile, besides the row: rows of whole 16 bytes that do not share banks. */
const PADDING = 2;

/** A workgroup's part of a product, or undefined where matrices do not pay. */
export function matrixTile({ m, n, k }: Gemm, unit: MatrixUnit): Tile | undefined {
  if (Math.min(m, n, k) < SMALLEST) return undefined;
  const widths = range(MOST_COLUMNS).map((i) => (MOST_COLUMNS - i) * unit.n);
  return { m: SUBGROUPS * ROWS * unit.m, n: bestWidth(n, widths) };
}

/** Types and functions on matrices, by the instructions. */
function instructions({ m, n, k }: MatrixUnit, type: string): string {
  return `
    alias Left = subgroup_matrix_left<${type}, ${k}, ${m}>;
    alias Right = subgroup_matrix_right<${type}, ${n}, ${k}>;
    alias Sums = subgroup_matrix_result<f32, ${n}, ${m}>;
    fn loadLeft(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&As, at, STRIDE_A * 4); }
    fn loadRight(at: u32) -> Right { return subgroupMatrixLoad<Right, row_major>(&Bs, at, STRIDE_B * 4); }
    fn multiply(a: Left, b: Right, sums: Sums) -> Sums { return subgroupMatrixMultiplyAccumulate(a, b, sums); }
    fn storeSums(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&Cs, at, sums, ${n}); }`;
}

/** The same, each invocation doing the whole subgroup's work. */
function emulation({ m, n, k }: MatrixUnit, type: string): string {
  const load = (name: string, array: string, stride: string, rows: number, columns: number): string => `
    struct ${name} { at: array<${type}, ${rows * columns}> }
    fn load${name}(at: u32) -> ${name} {
      var matrix: ${name};
      for (var i = 0u; i < ${rows * columns}u; i++) { matrix.at[i] = ${array}[at + i / ${columns}u * u32(${stride} * 4) + i % ${columns}u]; }
      return matrix;
    }`;
  return `${load('Left', 'As', 'STRIDE_A', m, k)}${load('Right', 'Bs', 'STRIDE_B', k, n)}
    struct Sums { at: array<f32, ${m * n}> }
    fn multiply(left: Left, right: Right, before: Sums) -> Sums {
      var a = left; var b = right; var sums = before;
      for (var i = 0; i < ${m * n}; i++) {
        for (var d = 0; d < ${k}; d++) { sums.at[i] += f32(a.at[i / ${n} * ${k} + d]) * f32(b.at[d * ${n} + i % ${n}]); }
      }
      return sums;
    }
    fn storeSums(at: u32, stored: Sums) { var sums = stored; for (var i = 0u; i < ${m * n}u; i++) { Cs[at + i] = sums.at[i]; } }`;
}

/** Sums go through workgroup memory: only the instructions know which invocation holds which. */
function store(gemm: Gemm, splits: number, { m, n, lanes }: MatrixUnit, columns: number): string {
  const matrices = range(ROWS).flatMap((i) => range(columns).map((j) => [i, j] as const));
  return matrices
    .map(
      ([i, j]) => `
      storeSums(u32(subgroup * ${m * n}), sums${i}_${j});
      workgroupBarrier();
      for (var e = lane; e < ${m * n}; e += ${lanes}) {
        let m = m0 + (subgroup * ${ROWS} + ${i}) * ${m} + e / ${n};
        let n = n0 + ${j * n} + e % ${n};
        if (m < M && n < N) {
          let row = ${rowOf(gemm, splits)};
          if (row >= 0) { Out[row * N + n] = Cs[subgroup * ${m * n} + e]${biasOf(gemm, splits, 'n')}; }
        }
      }
      workgroupBarrier();`,
    )
    .join('');
}

function multiplyTiles({ m, n, k }: MatrixUnit, columns: number): string {
  const rows = range(ROWS);
  return `
        for (var kk = 0; kk < ${TILE_K}; kk += ${k}) {
          ${rows.map((i) => `let a${i} = loadLeft(u32((subgroup * ${ROWS} + ${i}) * ${m} * STRIDE_A * 4 + kk));`).join(' ')}
          ${range(columns)
            .map((j) => {
              const products = rows.map((i) => `sums${i}_${j} = multiply(a${i}, b, sums${i}_${j});`);
              return `{ let b = loadRight(u32(kk * STRIDE_B * 4 + ${j * n})); ${products.join(' ')} }`;
            })
            .join('\n          ')}
        }`;
}

/** The product by subgroups that each hold ROWS×columns matrices of sums. */
export function matrixSource(
  gemm: Gemm,
  tile: Tile,
  splits: number,
  arithmetic: Arithmetic & { matrices: MatrixUnit },
): string {
  const { type, matrices: unit } = arithmetic;
  const columns = tile.n / unit.n;
  const memory = {
    ...tile,
    threads: SUBGROUPS * unit.lanes,
    strideA: TILE_K / 4 + PADDING,
    strideB: tile.n / 4 + PADDING,
  };
  const put = (name: string, at: string, value: string): string =>
    `{ let four = hold(${value}); let first = (${at}) * 4; ${range(4)
      .map((c) => `${name}s[first + ${c}] = four[${c}];`)
      .join(' ')} }`;
  const parameters = unit.emulated
    ? BUILTINS
    : `${BUILTINS}, @builtin(subgroup_id) subgroupId: u32, @builtin(subgroup_invocation_id) laneId: u32`;
  return `${declarations(gemm, memory, splits, arithmetic, 'f32')}
    var<workgroup> As: array<${type}, ${tile.m * memory.strideA * 4}>;
    var<workgroup> Bs: array<${type}, ${TILE_K * memory.strideB * 4}>;
    var<workgroup> Cs: array<f32, ${SUBGROUPS * unit.m * unit.n}>;
    ${unit.emulated ? emulation(unit, type) : instructions(unit, type)}
    @compute @workgroup_size(${memory.threads})
    fn main(${parameters}) {
      ${tilePlace(gemm, tile, splits)}
      let subgroup = i32(${unit.emulated ? `local / ${unit.lanes}` : 'subgroupId'});
      let lane = i32(${unit.emulated ? `local % ${unit.lanes}` : 'laneId'});
      ${range(ROWS).flatMap((i) => range(columns).map((j) => `var sums${i}_${j}: Sums;`)).join(' ')}
      for (var k0 = kBegin; k0 < end; k0 += ${TILE_K}) {
        ${fill(gemm, tile, put)}
        workgroupBarrier();
        ${multiplyTiles(unit, columns)}
        workgroupBarrier();
      }
      ${store(gemm, splits, unit, columns)}
    }`; // prettier-ignore
}

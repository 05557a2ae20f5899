/** What the shaders of the matrix product share, and the one that needs no special instructions. */
import { directives, operandFunctions, TILE_K, type Arithmetic } from './arithmetic';
import { binding, BUILTINS, FLAT_GROUP } from './device';
import { depthOfSplit, range, type Gemm, type Operand, type Tile, type TileMemory } from './gemmTypes';

/** A tile and how threads share it. */
export interface ThreadTile extends Tile {
  /** Threads along n (four columns each) and m (`rows` rows each). */
  x: number;
  y: number;
  rows: number;
}

/** WGSL statement that puts `value`, four f32 as operands, into tile `A` or `B` at the vector `at`. */
type Put = (name: 'A' | 'B', at: string, value: string) => string;

const addsBias = (gemm: Gemm, splits: number): boolean => gemm.bias !== undefined && splits === 1;

/** `fn loadA4(m, k)`: four elements along `operand.along`, zero outside the matrix. */
function loader(name: 'A' | 'B', operand: Operand): string {
  const [first, second] = name === 'A' ? ['m', 'k'] : ['k', 'n'];
  const bound = (axis: string): string => (axis === 'k' ? 'kEnd' : axis.toUpperCase());
  const outside = `${first} >= ${bound(first!)} || ${second} >= ${bound(second!)}`;
  const element = `fn load${name}1(${first}: i32, ${second}: i32) -> f32 { if (${outside}) { return 0.0; } return ${operand.one}; }\n`;
  const step = [first, second].map((axis) => (axis === operand.along ? `${axis} + i` : axis)).join(', ');
  const body = operand.four
    ? `if (${outside}) { return vec4<f32>(0.0); } return ${operand.four};`
    : `var four: vec4<f32>; for (var i = 0; i < 4; i++) { four[i] = load${name}1(${step}); } return four;`;
  return `${operand.four ? '' : element}fn load${name}4(${first}: i32, ${second}: i32) -> vec4<f32> { ${body} }\n`;
}

/** Constants, buffers and the functions `loadA4` and `loadB4`. `outType` is the type of `Out`'s elements. */
export function declarations(
  gemm: Gemm,
  memory: TileMemory,
  splits: number,
  arithmetic: Arithmetic,
  outType: string,
): string {
  return `${directives(arithmetic)}
    const M = ${gemm.m}; const N = ${gemm.n}; const K = ${gemm.k};
    const THREADS = ${memory.threads}; const STRIDE_A = ${memory.strideA}; const STRIDE_B = ${memory.strideB};
    const BLOCKS_A = ${(memory.m * TILE_K) / 16}; const BLOCKS_B = ${(memory.n * TILE_K) / 16};
    var<private> kEnd: i32; var<private> phase: i32;
    ${binding(0, 'A', gemm.a.four ? 'vec4<f32>' : 'f32')}
    ${binding(1, 'B', gemm.b.four ? 'vec4<f32>' : 'f32')}
    ${binding(2, 'Out', outType, 'read_write')}
    ${addsBias(gemm, splits) ? binding(3, 'Bias', 'f32') : ''}
    ${operandFunctions(arithmetic, 4)}
    ${gemm.functions ?? ''}
    ${loader('A', gemm.a)}
    ${loader('B', gemm.b)}`;
}

/** Sets m0, n0 (the tile's place), kBegin, end (its part of the sum), split and phase. */
export function tilePlace(gemm: Gemm, tile: Tile, splits: number): string {
  const blocksN = Math.ceil(gemm.n / tile.n);
  return `
      let tile = ${FLAT_GROUP};
      let m0 = tile / ${blocksN} * ${tile.m};
      let n0 = tile % ${blocksN} * ${tile.n};
      let split = ${splits > 1 ? 'i32(group.z)' : '0'};
      phase = ${splits > 1 ? '0' : 'i32(group.z)'};
      let kBegin = split * ${depthOfSplit(gemm, splits)};
      let end = min(K, kBegin + ${depthOfSplit(gemm, splits)});
      kEnd = end;`;
}

/** Loads a block of 4×4 into rows along the tile's axis, turned in registers where it lies the other way in its buffer. */
function block(name: 'A' | 'B', turned: boolean, at: string, put: Put): string {
  const line = (value: string): string => `for (var i = 0; i < 4; i++) { ${put(name, at, value)} }`;
  if (!turned) return line(`load${name}4(r + i, c)`);
  return `
        var rows: mat4x4<f32>;
        for (var i = 0; i < 4; i++) { rows[i] = load${name}4(r, c + i); }
        rows = transpose(rows);
        ${line('rows[i]')}`;
}

/** Fills the tile of A, rows of vec4 along k, and that of B, rows of vec4 along n, from k0 on. */
export function fill(gemm: Gemm, tile: Tile, put: Put): string {
  const blocksK = TILE_K / 4;
  const blocksN = tile.n / 4;
  // Neighbouring threads read neighbouring addresses of B.
  const order = gemm.b.along === 'n'
    ? `let nb = v % ${blocksN}; let kb = v / ${blocksN};`
    : `let kb = v % ${blocksK}; let nb = v / ${blocksK};`; // prettier-ignore
  return `
    for (var u = i32(local); u < BLOCKS_A + BLOCKS_B; u += THREADS) {
      if (u < BLOCKS_A) {
        let kb = u % ${blocksK};
        let mb = u / ${blocksK};
        let r = m0 + mb * 4;
        let c = k0 + kb * 4;
        ${block('A', gemm.a.along !== 'k', '(mb * 4 + i) * STRIDE_A + kb', put)}
      } else {
        let v = u - BLOCKS_A;
        ${order}
        let r = k0 + kb * 4;
        let c = n0 + nb * 4;
        ${block('B', gemm.b.along !== 'n', `(kb * 4 + i) * STRIDE_B + nb`, put)}
      }
    }`;
}

/** WGSL expression of the row of `Out` for row m of the product. */
export const rowOf = (gemm: Gemm, splits: number): string => (splits > 1 ? 'split * M + m' : (gemm.row ?? 'm'));

/** WGSL to add to the sum of column `n`, which is within bounds. */
export const biasOf = (gemm: Gemm, splits: number, n: string): string =>
  addsBias(gemm, splits) ? ` + Bias[${n}]` : '';

function product(tile: ThreadTile): string {
  const rows = range(tile.rows);
  return `
    for (var kk = 0; kk < ${TILE_K / 4}; kk++) {
      ${range(4)
        .map((c) => `let b${c} = widen(Bs[(kk * 4 + ${c}) * STRIDE_B + tx]);`)
        .join('\n      ')}
      ${rows
        .map((r) => {
          return `{ let a = widen(As[(ty + ${r * tile.y}) * STRIDE_A + kk]); acc${r} += a.x * b0 + a.y * b1 + a.z * b2 + a.w * b3; }`;
        })
        .join('\n      ')}
    }`;
}

function store(gemm: Gemm, tile: ThreadTile, splits: number, vec4Out: boolean): string {
  const write = vec4Out
    ? `if (n < N) { Out[(row * N + n) / 4] = value; }`
    : range(4)
        .map((i) => `if (n + ${i} < N) { Out[row * N + n + ${i}] = value[${i}]; }`)
        .join(' ');
  const bias = range(4).map((i) => `Bias[min(n + ${i}, N - 1)]`).join(', '); // prettier-ignore
  return range(tile.rows)
    .map(
      (r) => `
    { let m = m0 + ty + ${r * tile.y}; let n = n0 + tx * 4;
      if (m < M) { let row = ${rowOf(gemm, splits)}; let value = acc${r}${addsBias(gemm, splits) ? ` + vec4<f32>(${bias})` : ''};
        if (row >= 0) { ${write} } } }`,
    )
    .join('');
}

/** The product by threads that each hold `rows`×4 sums. */
export function threadSource(gemm: Gemm, tile: ThreadTile, splits: number, arithmetic: Arithmetic): string {
  const vec4Out = gemm.n % 4 === 0;
  const memory = { ...tile, threads: tile.x * tile.y, strideA: TILE_K / 4 + 1, strideB: tile.x };
  const put: Put = (name, at, value) => `${name}s[${at}] = hold(${value});`;
  return `${declarations(gemm, memory, splits, arithmetic, vec4Out ? 'vec4<f32>' : 'f32')}
    var<workgroup> As: array<Held, ${tile.m * memory.strideA}>;
    var<workgroup> Bs: array<Held, ${TILE_K * memory.strideB}>;
    @compute @workgroup_size(${memory.threads})
    fn main(${BUILTINS}) {
      ${tilePlace(gemm, tile, splits)}
      let tx = i32(local) % ${tile.x};
      let ty = i32(local) / ${tile.x};
      ${range(tile.rows).map((r) => `var acc${r} = vec4<f32>(0.0);`).join(' ')}
      for (var k0 = kBegin; k0 < end; k0 += ${TILE_K}) {
        ${fill(gemm, tile, put)}
        workgroupBarrier();
        ${product(tile)}
        workgroupBarrier();
      }
      ${store(gemm, tile, splits, vec4Out)}
    }`; // prettier-ignore
}

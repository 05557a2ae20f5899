/** The matrix product that convolutions and dense layers are made of, with operands that are computed where they are read. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { binding, BUILTINS, dispatch, FLAT_GROUP, flatGroups, output, release, type GpuBackend } from './device';

/**
 * One operand. `along` is the axis of the product along which four neighbours are loaded at once; `four` and `one` are the
 * WGSL expression of four, or of a single element, at (m, k) or (k, n) within bounds, on the buffer `A` or `B`. `four` is
 * given where the four lie together in an aligned vec4.
 */
export interface Operand {
  along: 'm' | 'n' | 'k';
  four?: string;
  one: string;
}

/** out[m, n] = Σₖ a(m, k) · b(k, n) (+ bias[n]). */
export interface Gemm {
  key: string;
  m: number;
  n: number;
  k: number;
  a: Operand;
  b: Operand;
  /** WGSL functions that the operands call. */
  functions?: string;
  /** Number of products in one dispatch; `phase` is the variable that tells them apart. */
  phases?: number;
  /** WGSL expression of the row of the output for (phase, m), or −1 for none. */
  row?: string;
  outShape: number[];
  bias?: TensorInfo;
}

interface Tiles {
  /** Workgroup tile. */
  m: number;
  n: number;
  k: number;
  /** Threads along n (four columns each) and m (`rows` rows each). */
  x: number;
  y: number;
  rows: number;
}

const TILE_K = 16;

function chooseTiles(m: number, n: number): Tiles {
  let width = Math.ceil(n / 4) * 4;
  if (width > 64) {
    const cost = (tile: number): number => Math.ceil(n / tile) * (tile + 8);
    width = [64, 56, 48, 40, 32].reduce((best, tile) => (cost(tile) < cost(best) ? tile : best));
  }
  const x = width / 4;
  if (m <= 64) {
    const rows = Math.max(1, Math.ceil(m / 16));
    return { m: 16 * rows, n: width, k: TILE_K, x, y: 16, rows };
  }
  const y = Math.min(64, 2 ** Math.floor(Math.log2(256 / x)));
  return { m: 128, n: width, k: TILE_K, x, y, rows: 128 / y };
}

/** Enough workgroups to fill a large GPU, without parts of the sum so short that adding them up costs more. */
const WORKGROUPS_WANTED = 512;
const SHORTEST_SPLIT = 128;

function chooseSplits(gemm: Gemm, tiles: Tiles): number {
  if ((gemm.phases ?? 1) > 1) return 1;
  const workgroups = Math.ceil(gemm.m / tiles.m) * Math.ceil(gemm.n / tiles.n);
  return Math.max(1, Math.min(Math.floor(WORKGROUPS_WANTED / workgroups), Math.floor(gemm.k / SHORTEST_SPLIT), 256));
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

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

/** Loads a block of 4×4 into rows along the tile's axis, turned in registers where it lies the other way in its buffer. */
function block(name: 'A' | 'B', turned: boolean, at: string): string {
  const line = (value: string): string => `for (var i = 0; i < 4; i++) { ${name}s[${at}] = ${value}; }`;
  if (!turned) return line(`load${name}4(r + i, c)`);
  return `
        var rows: mat4x4<f32>;
        for (var i = 0; i < 4; i++) { rows[i] = load${name}4(r, c + i); }
        rows = transpose(rows);
        ${line('rows[i]')}`;
}

/** Fills the tile of A, rows of vec4 along k, and that of B, rows of vec4 along n. */
function fill(gemm: Gemm, tiles: Tiles): string {
  const blocksK = tiles.k / 4;
  // Neighbouring threads read neighbouring addresses of B.
  const order = gemm.b.along === 'n'
    ? `let nb = v % ${tiles.x}; let kb = v / ${tiles.x};`
    : `let kb = v % ${blocksK}; let nb = v / ${blocksK};`; // prettier-ignore
  return `
    for (var u = i32(local); u < BLOCKS_A + BLOCKS_B; u += THREADS) {
      if (u < BLOCKS_A) {
        let kb = u % ${blocksK};
        let mb = u / ${blocksK};
        let r = m0 + mb * 4;
        let c = k0 + kb * 4;
        ${block('A', gemm.a.along !== 'k', '(mb * 4 + i) * STRIDE_A + kb')}
      } else {
        let v = u - BLOCKS_A;
        ${order}
        let r = k0 + kb * 4;
        let c = n0 + nb * 4;
        ${block('B', gemm.b.along !== 'n', `(kb * 4 + i) * ${tiles.x} + nb`)}
      }
    }`;
}

function product(tiles: Tiles): string {
  const rows = range(tiles.rows);
  return `
    for (var kk = 0; kk < ${tiles.k / 4}; kk++) {
      ${range(4)
        .map((c) => `let b${c} = Bs[(kk * 4 + ${c}) * ${tiles.x} + tx];`)
        .join('\n      ')}
      ${rows
        .map(
          (r) =>
            `{ let a = As[(ty + ${r * tiles.y}) * STRIDE_A + kk]; acc${r} += a.x * b0 + a.y * b1 + a.z * b2 + a.w * b3; }`,
        ) // prettier-ignore
        .join('\n      ')}
    }`;
}

function store(gemm: Gemm, tiles: Tiles, splits: number, vec4Out: boolean): string {
  const row = splits > 1 ? `split * M + m` : (gemm.row ?? 'm');
  const write = vec4Out
    ? `if (n < N) { Out[(row * N + n) / 4] = value; }`
    : range(4)
        .map((i) => `if (n + ${i} < N) { Out[row * N + n + ${i}] = value[${i}]; }`)
        .join(' ');
  const withBias = gemm.bias && splits === 1;
  const bias = range(4).map((i) => `Bias[min(n + ${i}, N - 1)]`).join(', '); // prettier-ignore
  return range(tiles.rows)
    .map(
      (r) => `
    { let m = m0 + ty + ${r * tiles.y}; let n = n0 + tx * 4;
      if (m < M) { let row = ${row}; let value = acc${r}${withBias ? ` + vec4<f32>(${bias})` : ''};
        if (row >= 0) { ${write} } } }`,
    )
    .join('');
}

function source(gemm: Gemm, tiles: Tiles, splits: number): string {
  const vec4Out = gemm.n % 4 === 0;
  const perSplit = Math.ceil(gemm.k / splits / tiles.k) * tiles.k;
  const blocksN = Math.ceil(gemm.n / tiles.n);
  return `
    const M = ${gemm.m}; const N = ${gemm.n}; const K = ${gemm.k};
    const THREADS = ${tiles.x * tiles.y}; const STRIDE_A = ${tiles.k / 4 + 1};
    const BLOCKS_A = ${(tiles.m * tiles.k) / 16}; const BLOCKS_B = ${(tiles.n * tiles.k) / 16};
    var<private> kEnd: i32; var<private> phase: i32;
    var<workgroup> As: array<vec4<f32>, ${tiles.m * (tiles.k / 4 + 1)}>;
    var<workgroup> Bs: array<vec4<f32>, ${tiles.k * tiles.x}>;
    ${binding(0, 'A', gemm.a.four ? 'vec4<f32>' : 'f32')}
    ${binding(1, 'B', gemm.b.four ? 'vec4<f32>' : 'f32')}
    ${binding(2, 'Out', vec4Out ? 'vec4<f32>' : 'f32', 'read_write')}
    ${gemm.bias && splits === 1 ? binding(3, 'Bias', 'f32') : ''}
    ${gemm.functions ?? ''}
    ${loader('A', gemm.a)}
    ${loader('B', gemm.b)}
    @compute @workgroup_size(${tiles.x * tiles.y})
    fn main(${BUILTINS}) {
      let tile = ${FLAT_GROUP};
      let m0 = tile / ${blocksN} * ${tiles.m};
      let n0 = tile % ${blocksN} * ${tiles.n};
      let split = ${splits > 1 ? 'i32(group.z)' : '0'};
      phase = ${splits > 1 ? '0' : 'i32(group.z)'};
      let kBegin = split * ${perSplit};
      let end = min(K, kBegin + ${perSplit});
      kEnd = end;
      let tx = i32(local) % ${tiles.x};
      let ty = i32(local) / ${tiles.x};
      ${range(tiles.rows).map((r) => `var acc${r} = vec4<f32>(0.0);`).join(' ')}
      for (var k0 = kBegin; k0 < end; k0 += ${tiles.k}) {
        ${fill(gemm, tiles)}
        workgroupBarrier();
        ${product(tiles)}
        workgroupBarrier();
      }
      ${store(gemm, tiles, splits, vec4Out)}
    }`; // prettier-ignore
}

/** Runs the product of `a` and `b`. Sums are in a fixed order: the same inputs give the same bits. */
export function runGemm(backend: GpuBackend, gemm: Gemm, a: TensorInfo, b: TensorInfo): TensorInfo {
  const tiles = chooseTiles(gemm.m, gemm.n);
  const splits = chooseSplits(gemm, tiles);
  const out = output(backend, splits > 1 ? [splits, gemm.m, gemm.n] : gemm.outShape);
  const tileCount = Math.ceil(gemm.m / tiles.m) * Math.ceil(gemm.n / tiles.n);
  const [x, y] = flatGroups(tileCount);
  const shader = {
    key: `gemm ${gemm.key} ${gemm.m},${gemm.n},${gemm.k} ${splits} ${gemm.bias ? 'bias' : ''}`,
    source: () => source(gemm, tiles, splits),
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

/** The native addon: where it is and what it offers. See native/src/bindings.cc for the meaning of each argument. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Floats = Float32Array;
type Optional = Float32Array | null;
type Shape = readonly number[];

export interface Bf16Instructions {
  avx512: boolean;
  amx: boolean;
}

export interface Addon {
  readonly unaryOps: readonly string[];
  readonly binaryOps: readonly string[];
  describe(): { version: string; isa: string; threads: number; processors: number; scratchBytes: number };
  setThreads(threads: number): void;
  /** Gives the scratch memory back. */
  trim(): void;
  alignment(buffer: ArrayBuffer): number;
  detach(buffer: ArrayBuffer): void;
  /** Whether `Multiply` number `precision` can be asked for. */
  supports(precision: number): boolean;
  bf16(): Bf16Instructions;
  /** What may be executed on a processor: see `CpuBits` in native/src/cpu.h. */
  bf16Of(bits: readonly number[]): Bf16Instructions;
  conv(
    kind: 0 | 1 | 2, shape: Shape, x: Floats, filter: Floats, bias: Optional, y: Floats, precision: number,
  ): void; // prettier-ignore
  matmul(shape: Shape, a: Floats, b: Floats, bias: Optional, y: Floats, precision: number): void;
  unary(op: number, x: Floats, y: Floats, n: number, p: number): void;
  binary(op: number, a: Floats, b: Floats, y: Floats, dims: Shape, as: Shape, bs: Shape, p: number): void;
  reduce(op: number, x: Floats, y: Floats, outer: number, middle: number, inner: number): void;
  softmax(x: Floats, y: Floats, rows: number, n: number, logarithm: boolean): void;
  layerNorm(
    x: Floats, gamma: Optional, beta: Optional, y: Floats, mean: Floats, rstd: Floats, rows: number, n: number, eps: number,
  ): void; // prettier-ignore
  layerNormGrad(
    x: Floats, dy: Floats, mean: Floats, rstd: Floats, gamma: Optional, dx: Floats, dgamma: Floats, dbeta: Floats,
    rows: number, n: number,
  ): void; // prettier-ignore
  instanceNorm(
    x: Floats, y: Floats, mean: Floats, rstd: Floats, batch: number, voxels: number, channels: number, eps: number,
    slope: number,
  ): void; // prettier-ignore
  instanceNormGrad(
    y: Floats, dy: Floats, rstd: Floats, dx: Floats, batch: number, voxels: number, channels: number, slope: number,
  ): void; // prettier-ignore
  groupNorm(
    shape: Shape, eps: number, slope: number, gamma: Optional, beta: Optional, residual: Optional, visible: Optional,
    x: Floats, y: Floats, mean: Floats, rstd: Floats,
  ): void; // prettier-ignore
  groupNormGrad(
    shape: Shape, slope: number, gamma: Optional, beta: Optional, residual: Optional, visible: Optional, x: Floats,
    dy: Floats, mean: Floats, rstd: Floats, dx: Floats, dgamma: Floats, dbeta: Floats, dresidual: Optional,
  ): void; // prettier-ignore
  averagePool(shape: Shape, x: Floats, y: Floats): void;
  averagePoolGrad(shape: Shape, dy: Floats, dx: Floats): void;
  channelNorm(
    x: Floats, mean: Floats, variance: Floats, gamma: Floats, beta: Floats, y: Floats, voxels: number, channels: number,
    eps: number, slope: number,
  ): void; // prettier-ignore
  /** `shape`: [batch, D, H, W, channels] of x. */
  upsample(x: Floats, y: Floats, shape: Shape): void;
  /** `shape`: that of dx. */
  upsampleGrad(dy: Floats, dx: Floats, shape: Shape): void;
  addLeakyReluGrad(a: Floats, b: Floats, dy: Floats, dx: Floats, n: number, slope: number): void;
  attention(
    shape: Shape, scale: number, qkv: Floats, padToken: Floats, biasTable: Floats, y: Floats, precision: number,
  ): void; // prettier-ignore
  attentionGrad(
    shape: Shape, scale: number, qkv: Floats, padToken: Floats, biasTable: Floats, dy: Floats, dqkv: Floats,
    dpadToken: Floats, dbiasTable: Floats, precision: number,
  ): void; // prettier-ignore
  tokenAttention(
    shape: Shape, scale: number, q: Floats, k: Floats, v: Floats, rotary: Floats, y: Floats, precision: number,
  ): void; // prettier-ignore
  tokenAttentionGrad(
    shape: Shape, scale: number, q: Floats, k: Floats, v: Floats, rotary: Floats, dy: Floats, dq: Floats, dk: Floats,
    dv: Floats, precision: number,
  ): void; // prettier-ignore
  adamw(settings: Shape, param: Floats, grad: Floats, m: Floats, v: Floats, vmax: Optional, n: number): void;
  lerp(y: Floats, x: Floats, n: number, weight: number): void;
  copy(
    from: ArrayBufferView, fromOffset: number, to: ArrayBufferView, toOffset: number, dims: Shape, fromStrides: Shape,
    toStrides: Shape,
  ): void; // prettier-ignore
  fill(y: Floats, n: number, value: number): void;
}

/** Numbers of the reductions, as in native/src/kernels.h. */
export const Reduction = { Sum: 0, Mean: 1, Max: 2, Min: 3, SumOfSquares: 4 } as const;

export type Loaded = { ok: true; addon: Addon; path: string } | { ok: false; reason: string };

/** The extension's folder: the nearest one above this file whose package.json is ours. */
export function packageRoot(from: string = dirname(fileURLToPath(import.meta.url))): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) {
      const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string };
      if (name === 'voco-vscode') return folder;
    }
    if (dirname(folder) === folder) return undefined;
  }
}

const PLACES = ['native/build/Release', 'dist/native'];
/** What the addon got last: one without it was built from older sources. */
const NEWEST = 'averagePoolGrad' satisfies keyof Addon;
let loaded: Loaded | undefined;

/** Loads the addon once. Never throws: the reason says what is missing and what to do. */
export function loadAddon(): Loaded {
  return (loaded ??= load(packageRoot()));
}

export function load(root: string | undefined): Loaded {
  // Threads that wait for work give their processor up after about a tenth of a millisecond; the default is ten.
  process.env.GOMP_SPINCOUNT ??= '5000';
  const found = PLACES.map((place) => join(root ?? '', place, 'voco_onednn.node')).find(existsSync);
  if (root === undefined || found === undefined) {
    return { ok: false, reason: "the native addon isn't built: run `npm run setup` (it needs g++ and libdnnl-dev)" };
  }
  try {
    const addon = createRequire(import.meta.url)(found) as Partial<Addon>;
    if (!addon[NEWEST])
      return { ok: false, reason: `${found} is older than this program: run \`npm run build:native\`` };
    return { ok: true, addon: addon as Addon, path: found };
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
    const advice = message.includes('libdnnl') ? 'install libdnnl2 (oneDNN)' : 'run `npm run build:native`';
    return { ok: false, reason: `${found} cannot be loaded (${message}): ${advice}` };
  }
}

/**
 * Shifted-window attention without stored attention: a thread holds one query (or, for the gradients of keys and values, one
 * key) and streams the others of its window through workgroup memory.
 */
import { mapVec3, voxelCount, type Vec3 } from '../../../geometry';
import type { WindowAttentionAttrs } from '../../ops/kernels';
import { MASKED, paddedSize } from '../../ops/windows';
import { directives, operandFunctions, vectorType, type Arithmetic } from './arithmetic';
import { binding, BUILTINS, FLAT_GROUP, unflatten } from './device';

export const THREADS = 64;
/** Workgroup memory that every WebGPU device has. */
const WORKGROUP_BYTES = 16384;

/** All numbers of one attention layer. */
export interface Layer {
  batch: number;
  size: Vec3;
  heads: number;
  /** Channels of a head. */
  width: number;
  attrs: WindowAttentionAttrs;
  padded: Vec3;
  /** Tokens of a window and windows of the batch. */
  tokens: number;
  windows: number;
  /** Rows of the bias table. */
  rows: number;
  /** Blocks of THREADS tokens in a window. */
  blocks: number;
  hasPadding: boolean;
  arithmetic: Arithmetic;
  key: string;
}

const product = (t: Vec3): number => voxelCount(t);

export function makeLayer(shape: number[], attrs: WindowAttentionAttrs, { key, type, half }: Arithmetic): Layer {
  const [batch, d, h, w, width3] = shape as [number, number, number, number, number];
  const size: Vec3 = [d, h, w];
  const padded = paddedSize(size, attrs.window);
  const tokens = product(attrs.window);
  return {
    batch,
    size,
    heads: attrs.heads,
    width: width3 / 3 / attrs.heads,
    attrs,
    padded,
    tokens,
    windows: (batch * product(padded)) / tokens,
    rows: product(mapVec3(attrs.tableWindow, (s) => 2 * s - 1)),
    blocks: Math.ceil(tokens / THREADS),
    hasPadding: product(padded) > product(size),
    // Products of windows are too small for matrix instructions.
    arithmetic: { key, type, half },
    key: JSON.stringify([shape, attrs, key]),
  };
}

/** Elements in a vector: as many of a head's channels as load at once. */
const vector = (layer: Layer): number => (layer.width % 4 === 0 ? 4 : layer.width % 2 === 0 ? 2 : 1);
const typeOf = (layer: Layer): string => vectorType('f32', vector(layer));
/** Vectors in a head. */
const parts = (layer: Layer): number => layer.width / vector(layer);
const tileOf = (layer: Layer): number => Math.max(1, Math.min(32, Math.floor(1024 / layer.width)));

const each = (layer: Layer, line: (p: number) => string): string =>
  Array.from({ length: parts(layer) }, (_, p) => line(p)).join(' ');
const dots = (layer: Layer, a: (p: number) => string, b: (p: number) => string): string =>
  Array.from({ length: parts(layer) }, (_, p) => `inner(${a(p)}, ${b(p)})`).join(' + ');

/** Geometry of tokens, and reading their q (which = 0), k (1) and v (2). */
function common(layer: Layer): string {
  const { attrs, size, padded, arithmetic } = layer;
  const [, t1, t2] = attrs.tableWindow;
  const [r1, r2] = [2 * t1 - 1, 2 * t2 - 1];
  const centre = ((attrs.tableWindow[0] - 1) * r1 + t1 - 1) * r2 + t2 - 1;
  const counts = mapVec3(padded, (s, a) => s / attrs.window[a]!);
  const [type, lanes] = [typeOf(layer), vector(layer)];
  return `
    alias Part = ${type};
    // Queries, keys, values and gradients of outputs are multiplied as operands; weights and sums are f32.
    ${operandFunctions(arithmetic, lanes)}
    const SIZE = vec3<i32>(${size}); const PADDED = vec3<i32>(${padded});
    const WINDOW = vec3<i32>(${attrs.window}); const SHIFT = vec3<i32>(${attrs.shift});
    const N = ${layer.tokens}; const HEADS = ${layer.heads}; const PARTS = ${parts(layer)}; const ROWS = ${layer.rows};
    const SCALE = f32(${attrs.scale}); const CENTRE = ${centre};
    fn inner(a: Part, b: Part) -> f32 { return ${type === 'f32' ? 'a * b' : 'dot(a, b)'}; }
    ${unflatten('windowPlace', counts)}${unflatten('tokenPlace', attrs.window)}${unflatten('tablePlace', attrs.tableWindow)}
    fn placeOf(window: i32, token: i32) -> vec3<i32> {
      return windowPlace(window % ${product(counts)}) * WINDOW + tokenPlace(token);
    }
    // The voxel, over the whole batch, that a place of the padded and shifted volume shows; -1 for padding.
    fn voxelOf(window: i32, place: vec3<i32>) -> i32 {
      let p = (place + SHIFT) % PADDED;
      if (any(p >= SIZE)) { return -1; }
      return window / ${product(counts)} * ${product(size)} + (p.x * SIZE.y + p.y) * SIZE.z + p.z;
    }
    fn regionOf(place: vec3<i32>) -> i32 {
      let late = vec3<i32>(place >= PADDED - WINDOW) + vec3<i32>(place >= PADDED - SHIFT);
      let r = select(vec3<i32>(0), late, SHIFT > vec3<i32>(0));
      return (r.x * 3 + r.y) * 3 + r.z;
    }
    // Tokens are numbered as in the table's window even where the window in use is smaller.
    fn codeOf(token: i32) -> i32 {
      let t = tablePlace(token);
      return (t.x * ${r1} + t.y) * ${r2} + t.z;
    }
    fn fetch(which: i32, voxel: i32, head: i32, part: i32) -> Part {
      let at = (which * HEADS + head) * PARTS + part;
      if (voxel < 0) { return Pad[at]; }
      return Qkv[voxel * ${3 * layer.heads * parts(layer)} + at];
    }`;
}

const masked = (layer: Layer, a: string, b: string): string =>
  layer.attrs.shift.some((s) => s > 0) ? ` + select(0.0, ${MASKED}.0, ${a} != ${b})` : '';

const inputs = (layer: Layer): string =>
  directives(layer.arithmetic) +
  binding(0, 'Qkv', typeOf(layer)) +
  binding(1, 'Pad', typeOf(layer)) +
  binding(2, 'Bias', 'f32');

/** What a thread knows of its token `i` of window `window`. */
const ownToken = `
      let mine = block * ${THREADS} + i32(local);
      let own = min(mine, N - 1);
      let place = placeOf(window, own);
      let voxel = voxelOf(window, place);
      let region = regionOf(place);
      let code = codeOf(own) + CENTRE;`;

const keyTile = (layer: Layer): string => `
    var<workgroup> Ks: array<Held, ${tileOf(layer) * parts(layer)}>;
    var<workgroup> Vs: array<Held, ${tileOf(layer) * parts(layer)}>;
    var<workgroup> Codes: array<i32, ${tileOf(layer)}>;
    var<workgroup> Regions: array<i32, ${tileOf(layer)}>;`;

/** Runs `body` for each key, after the keys and values of its tile are in workgroup memory; j counts within the tile. */
function forEachKey(layer: Layer, body: string): string {
  const tile = tileOf(layer);
  return `
      for (var first = 0; first < N; first += ${tile}) {
        workgroupBarrier();
        for (var e = i32(local); e < ${tile} * PARTS; e += ${THREADS}) {
          let token = min(first + e / PARTS, N - 1);
          let at = placeOf(window, token);
          let v = voxelOf(window, at);
          Ks[e] = hold(fetch(1, v, head, e % PARTS));
          Vs[e] = hold(fetch(2, v, head, e % PARTS));
          if (e % PARTS == 0) { Codes[e / PARTS] = codeOf(token); Regions[e / PARTS] = regionOf(at); }
        }
        workgroupBarrier();
        let count = min(${tile}, N - first);
        for (var j = 0; j < count; j++) { ${body} }
      }`;
}

const scoreOfKey = (layer: Layer): string =>
  `let s = ${dots(
    layer,
    (p) => `q${p}`,
    (p) => `widen(Ks[j * PARTS + ${p}])`,
  )} + Bias[head * ROWS + code - Codes[j]]${masked(layer, 'region', 'Regions[j]')};`;

/** Softmax and weighted sum in one pass: the largest score so far, the sum and the weighted sum relative to it. */
const onlineSoftmax = (layer: Layer): string => `
      var top = -1e30; var total = 0.0;
      ${each(layer, (p) => `var o${p} = Part(0.0);`)}
      ${forEachKey(
        layer,
        `${scoreOfKey(layer)}
          if (s > top) { let shrink = exp(top - s); total *= shrink; ${each(layer, (p) => `o${p} *= shrink;`)} top = s; }
          let weight = exp(s - top);
          total += weight;
          ${each(layer, (p) => `o${p} += weight * widen(Vs[j * PARTS + ${p}]);`)}`,
      )}`;

const loadQuery = (layer: Layer): string =>
  each(layer, (p) => `let q${p} = rounded(fetch(0, voxel, head, ${p}) * SCALE);`);

export const forwardSource = (layer: Layer): string => `
    ${inputs(layer)}
    ${binding(3, 'Y', typeOf(layer), 'read_write')}
    ${common(layer)}
    ${keyTile(layer)}
    @compute @workgroup_size(${THREADS})
    fn main(${BUILTINS}) {
      let number = ${FLAT_GROUP};
      if (number >= ${layer.windows * layer.heads * layer.blocks}) { return; }
      let block = number % ${layer.blocks};
      let head = number / ${layer.blocks} % HEADS;
      let window = number / ${layer.blocks * layer.heads};
      ${ownToken}
      ${loadQuery(layer)}
      ${onlineSoftmax(layer)}
      if (mine < N && voxel >= 0) { ${each(layer, (p) => `Y[(voxel * HEADS + head) * PARTS + ${p}] = o${p} / total;`)} }
    }`;

/** Gradients of the queries and of the bias: workgroups each take `perGroup` windows. */
export function queryGradientSource(layer: Layer, groups: number, perGroup: number): string {
  const tileBytes = tileOf(layer) * (layer.width * 2 + 2) * 4;
  const inMemory = tileBytes + layer.rows * 4 <= WORKGROUP_BYTES;
  const [place, barrier] = inMemory ? ['', 'workgroupBarrier'] : ['base + ', 'storageBarrier'];
  const array = inMemory ? 'BiasSum' : 'BiasPart';
  const gradient = `
          ${scoreOfKey(layer)}
          let ds = exp(s - norm) * (${dots(
            layer,
            (p) => `g${p}`,
            (p) => `widen(Vs[j * PARTS + ${p}])`,
          )} - inward);
          ${each(layer, (p) => `dq${p} += ds * widen(Ks[j * PARTS + ${p}]);`)}
          // For one key the places of all queries differ; the barrier keeps the next key's from meeting them.
          if (mine < N) { ${array}[${place}code - Codes[j]] += ds; }
          ${barrier}();`;
  return `
    ${inputs(layer)}
    ${binding(3, 'Dy', typeOf(layer))}
    ${binding(4, 'Dqkv', typeOf(layer), 'read_write')}
    ${binding(5, 'Stats', 'vec2<f32>', 'read_write')}
    ${binding(6, 'BiasPart', 'f32', 'read_write')}
    ${common(layer)}
    ${keyTile(layer)}
    ${inMemory ? `var<workgroup> BiasSum: array<f32, ${layer.rows}>;` : ''}
    @compute @workgroup_size(${THREADS})
    fn main(${BUILTINS}) {
      let number = ${FLAT_GROUP};
      if (number >= ${groups * layer.heads * layer.blocks}) { return; }
      let block = number % ${layer.blocks};
      let head = number / ${layer.blocks} % HEADS;
      let part = number / ${layer.blocks * layer.heads};
      let base = ((part * ${layer.blocks} + block) * HEADS + head) * ROWS;
      for (var t = i32(local); t < ROWS; t += ${THREADS}) { ${array}[${place}t] = 0.0; }
      ${barrier}();
      let end = min(${layer.windows}, (part + 1) * ${perGroup});
      for (var window = part * ${perGroup}; window < end; window++) {
      ${ownToken}
      ${loadQuery(layer)}
      ${each(layer, (p) => `var g${p} = Part(0.0);`)}
      if (voxel >= 0) { ${each(layer, (p) => `g${p} = rounded(Dy[(voxel * HEADS + head) * PARTS + ${p}]);`)} }
      ${onlineSoftmax(layer)}
      let norm = top + log(total);
      let inward = (${dots(
        layer,
        (p) => `g${p}`,
        (p) => `o${p}`,
      )}) / total;
      if (mine < N) { Stats[(window * HEADS + head) * N + mine] = vec2<f32>(norm, inward); }
      ${each(layer, (p) => `var dq${p} = Part(0.0);`)}
      ${forEachKey(layer, gradient)}
      if (mine < N && voxel >= 0) {
        ${each(layer, (p) => `Dqkv[(voxel * 3 * HEADS + head) * PARTS + ${p}] = dq${p} * SCALE;`)}
      }
      }
      ${inMemory ? `for (var t = i32(local); t < ROWS; t += ${THREADS}) { BiasPart[base + t] = BiasSum[t]; }` : ''}
    }`;
}

/** The sum of a thread's vector over the workgroup's padding tokens, written to PadPart by one thread. */
const padSum = (layer: Layer, name: string, which: number): string =>
  each(
    layer,
    (p) => `
      PadSum[local] = select(Part(0.0), ${name}${p}, mine < N && voxel < 0);
      workgroupBarrier();
      for (var half = ${THREADS / 2}u; half > 0u; half = half / 2u) {
        if (local < half) { PadSum[local] += PadSum[local + half]; }
        workgroupBarrier();
      }
      if (local == 0u) {
        let at = (window * ${layer.blocks} + block) * 3 * HEADS * PARTS + head * PARTS + ${p};
        PadPart[at + ${which} * HEADS * PARTS] = PadSum[0];
        ${which === 1 ? 'PadPart[at] = Part(0.0);' : ''}
      }
      workgroupBarrier();`,
  );

/** Gradients of keys and values, and their part of the padding token's. */
export const keyGradientSource = (layer: Layer): string => {
  const tile = tileOf(layer);
  const vectors = (name: string): string => `var<workgroup> ${name}: array<Held, ${tile * parts(layer)}>;`;
  return `
    ${inputs(layer)}
    ${binding(3, 'Dy', typeOf(layer))}
    ${binding(4, 'Dqkv', typeOf(layer), 'read_write')}
    ${binding(5, 'Stats', 'vec2<f32>')}
    ${layer.hasPadding ? binding(6, 'PadPart', typeOf(layer), 'read_write') : ''}
    ${common(layer)}
    ${vectors('Qs')} ${vectors('Gs')}
    var<workgroup> Codes: array<i32, ${tile}>;
    var<workgroup> Regions: array<i32, ${tile}>;
    var<workgroup> Norms: array<vec2<f32>, ${tile}>;
    ${layer.hasPadding ? `var<workgroup> PadSum: array<Part, ${THREADS}>;` : ''}
    @compute @workgroup_size(${THREADS})
    fn main(${BUILTINS}) {
      let number = ${FLAT_GROUP};
      if (number >= ${layer.windows * layer.heads * layer.blocks}) { return; }
      let block = number % ${layer.blocks};
      let head = number / ${layer.blocks} % HEADS;
      let window = number / ${layer.blocks * layer.heads};
      ${ownToken}
      ${each(layer, (p) => `let k${p} = rounded(fetch(1, voxel, head, ${p})); let v${p} = rounded(fetch(2, voxel, head, ${p})); var dk${p} = Part(0.0); var dv${p} = Part(0.0);`)}
      for (var first = 0; first < N; first += ${tile}) {
        workgroupBarrier();
        for (var e = i32(local); e < ${tile} * PARTS; e += ${THREADS}) {
          let token = min(first + e / PARTS, N - 1);
          let at = placeOf(window, token);
          let v = voxelOf(window, at);
          Qs[e] = hold(fetch(0, v, head, e % PARTS) * SCALE);
          Gs[e] = Held(0.0);
          if (v >= 0) { Gs[e] = hold(Dy[(v * HEADS + head) * PARTS + e % PARTS]); }
          if (e % PARTS == 0) {
            Codes[e / PARTS] = codeOf(token); Regions[e / PARTS] = regionOf(at);
            Norms[e / PARTS] = Stats[(window * HEADS + head) * N + token];
          }
        }
        workgroupBarrier();
        let count = min(${tile}, N - first);
        for (var j = 0; j < count; j++) {
          let s = ${dots(
            layer,
            (p) => `k${p}`,
            (p) => `widen(Qs[j * PARTS + ${p}])`,
          )} + Bias[head * ROWS + Codes[j] - code + 2 * CENTRE]${masked(layer, 'region', 'Regions[j]')};
          let weight = exp(s - Norms[j].x);
          let ds = weight * (${dots(
            layer,
            (p) => `v${p}`,
            (p) => `widen(Gs[j * PARTS + ${p}])`,
          )} - Norms[j].y);
          ${each(layer, (p) => `dk${p} += ds * widen(Qs[j * PARTS + ${p}]); dv${p} += weight * widen(Gs[j * PARTS + ${p}]);`)}
        }
      }
      if (mine < N && voxel >= 0) {
        ${each(layer, (p) => `Dqkv[((voxel * 3 + 1) * HEADS + head) * PARTS + ${p}] = dk${p}; Dqkv[((voxel * 3 + 2) * HEADS + head) * PARTS + ${p}] = dv${p};`)}
      }
      ${layer.hasPadding ? `workgroupBarrier(); ${padSum(layer, 'dk', 1)} ${padSum(layer, 'dv', 2)}` : ''}
    }`;
};

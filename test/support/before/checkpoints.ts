// Reads and writes safetensors files without the program's own code: 8 bytes of length, a JSON header, the values.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

interface Parts {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: Readonly<Record<string, Entry>>;
  readonly values: Buffer;
}

/** A checkpoint without its large values: they come from a formula. */
export interface Outline {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: Readonly<Record<string, Entry>>;
  /** Tensors of whole numbers, such as counts of steps, are kept: the bytes in base64, or the name of another like it. */
  readonly kept: Readonly<Record<string, { readonly bytes: string } | { readonly as: string }>>;
}

function read(file: string): Parts {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString('utf8')) as Record<string, unknown>;
  const { __metadata__: metadata = {}, ...tensors } = header;
  return { metadata, tensors, values: bytes.subarray(8 + length) } as Parts;
}

function write(file: string, { metadata, tensors, values }: Parts): void {
  const text = JSON.stringify({ __metadata__: metadata, ...tensors });
  const padded = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(file, Buffer.concat([length, padded, values]));
}

/** Replaces text in the metadata of a checkpoint: paths in the config of its run. */
export function replaceInMetadata(file: string, from: string, to: string): void {
  const parts = read(file);
  const entries = Object.entries(parts.metadata).map(([key, value]) => [key, value.replaceAll(from, to)]);
  write(file, { ...parts, metadata: Object.fromEntries(entries) as Record<string, string> });
}

/** The outline of a checkpoint. */
export function outlineOf(file: string): Outline {
  const { metadata, tensors, values } = read(file);
  const kept: Record<string, { bytes: string } | { as: string }> = {};
  const first = new Map<string, string>();
  for (const [name, { dtype, data_offsets: offsets }] of Object.entries(tensors)) {
    if (dtype === 'F32') continue;
    const bytes = values.subarray(...offsets).toString('base64');
    const as = first.get(bytes);
    kept[name] = as === undefined ? { bytes } : { as };
    first.set(bytes, as ?? name);
  }
  return { metadata, tensors, kept };
}

/** 32 bits from a text (FNV-1a). */
function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** Values for a tensor, by its name: small numbers of both signs; about 1 for scales, positive for second moments. */
function valuesOf(name: string, shape: readonly number[]): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = new Float32Array(count);
  const moment = name.startsWith('optimizer.');
  const second = /^optimizer\.(\w+\/)?(max_)?exp_avg_sq\./.test(name);
  const range = moment ? 1e-3 : shape.length > 1 ? Math.sqrt((3 * shape[0]!) / count) : 0.1;
  const middle = !moment && shape.length === 1 && name.endsWith('.weight') ? 1 : 0;
  let state = seedOf(name);
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const drawn = (state / 2 ** 31 - 1) * range;
    values[i] = second ? 1e-4 + drawn * drawn : middle + drawn;
  }
  return values;
}

/** Writes the checkpoint of an outline, with values from the formula. */
export function writeFromOutline(file: string, { metadata, tensors, kept }: Outline): void {
  const values = Buffer.alloc(Math.max(...Object.values(tensors).map((entry) => entry.data_offsets[1])));
  for (const [name, { shape, data_offsets: offsets }] of Object.entries(tensors)) {
    const own = kept[name] && 'as' in kept[name] ? kept[kept[name].as] : kept[name];
    const bytes = own && 'bytes' in own ? Buffer.from(own.bytes, 'base64') : Buffer.from(valuesOf(name, shape).buffer);
    bytes.copy(values, offsets[0]);
  }
  write(file, { metadata, tensors, values });
}

/** SHA-256 of names, shapes and values of all tensors, in the order of their names. */
export function hashOfTensors(file: string): { tensors: number; sha256: string } {
  const { tensors, values } = read(file);
  const hash = createHash('sha256');
  const names = Object.keys(tensors).sort();
  for (const name of names) {
    const { dtype, shape, data_offsets: offsets } = tensors[name]!;
    hash.update(JSON.stringify([name, dtype, shape])).update(values.subarray(...offsets));
  }
  return { tensors: names.length, sha256: hash.digest('hex') };
}

import type { FileHandle } from 'node:fs/promises';
import { fileError, UserError } from '../errors/userError';
import { writeAtomically } from '../files/atomic';
import { parseJson } from '../files/json';
import { checkMemory } from '../files/memory';
import { openRegular } from '../files/regular';
import { notSafetensors } from './import/foreign';

/** Element types of safetensors and their bytes. */
export const DTYPE_BYTES = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
} as const;

export type DType = keyof typeof DTYPE_BYTES;

/** A tensor's place in a file; offsets in bytes from the start of the file. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A tensor to write. Data that is not at hand yet (on another device, say) may be given as a function. */
export interface TensorEntry<Data = ArrayBufferView | (() => ArrayBufferView | Promise<ArrayBufferView>)> {
  readonly name: string;
  readonly dtype: DType;
  /** Row-major; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Little-endian elements; F16, BF16 and F8 as their bits. */
  readonly data: Data;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The limit of the Python package as well. */
const MAX_HEADER_BYTES = 100_000_000;
/** A tensor has some fifteen: so many are those of three hundred thousand. */
const MAX_HEADER_VALUES = 5_000_000;
const MAX_HEADER_DEPTH = 4;
const CHUNK_BYTES = 1 << 26;

function byteLength(dtype: DType, shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, at, Math.min(CHUNK_BYTES, bytes.byteLength - at));
    at += bytesWritten;
  }
}

function encodeHeader(tensors: readonly TensorEntry[], metadata: Readonly<Record<string, string>>): Uint8Array {
  let offset = 0;
  const entries: [string, unknown][] = [['__metadata__', metadata]];
  const names = new Set(['__metadata__']);
  for (const { name, dtype, shape } of tensors) {
    if (names.has(name)) throw new Error(`two tensors are named ${name}`);
    names.add(name);
    const end = offset + byteLength(dtype, shape);
    entries.push([name, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const padded = new Uint8Array(8 + Math.ceil(text.byteLength / 8) * 8).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.byteLength - 8), true);
  padded.set(text, 8);
  return padded;
}

/**
 * Writes a safetensors file atomically, one tensor at a time from where its data lies, so that memory does not grow.
 * Tensors are ordered by element size, which keeps each of them aligned.
 *
 * @throws UserError when the disk is full or the folder cannot be written; the old file then stays as it was.
 */
export async function writeSafetensors(
  file: string,
  tensors: readonly TensorEntry[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const ordered = [...tensors].sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  const header = encodeHeader(ordered, metadata);
  await writeAtomically(file, async (handle) => {
    await writeAll(handle, header);
    for (const { name, dtype, shape, data } of ordered) {
      const view = typeof data === 'function' ? await data() : data;
      if (view.byteLength !== byteLength(dtype, shape)) {
        throw new Error(`${name}: ${view.byteLength} bytes do not fill ${dtype} [${shape.join(', ')}]`);
      }
      await writeAll(handle, bytesOf(view));
    }
  });
}

function broken(file: string, what: string): UserError {
  return new UserError(`${file}: not a usable safetensors file: ${what}`);
}

async function readExactly(handle: FileHandle, target: Uint8Array, position: number, file: string): Promise<void> {
  for (let at = 0; at < target.byteLength;) {
    const length = Math.min(CHUNK_BYTES, target.byteLength - at);
    const { bytesRead } = await handle.read(target, at, length, position + at);
    if (bytesRead === 0) throw broken(file, 'it is cut short');
    at += bytesRead;
  }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
}

function parseTensor(file: string, name: string, value: unknown, dataStart: number): TensorInfo {
  const entry = value as { dtype?: unknown; shape?: unknown; data_offsets?: unknown } | null;
  const { dtype, shape, data_offsets: offsets } = entry ?? {};
  const shown = JSON.stringify(name.slice(0, 80));
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BYTES, dtype)) {
    throw broken(file, `tensor ${shown} has the unknown element type ${JSON.stringify(dtype)?.slice(0, 40)}`);
  }
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw broken(file, `tensor ${shown} has no valid shape and offsets`);
  }
  const [begin, end] = offsets as [number, number];
  if (byteLength(dtype as DType, shape) !== end - begin) {
    throw broken(
      file,
      `tensor ${shown} has ${end - begin} bytes, which is not ${dtype} [${shape.slice(0, 8).join(', ')}]`,
    );
  }
  return { name, dtype: dtype as DType, shape, begin: dataStart + begin, end: dataStart + end };
}

/** The parser quotes the text that it read. */
const oneLine = (message: string): string => message.replace(/[\s\p{C}]+/gu, ' ').slice(0, 120);

function parseHeader(file: string, text: string, dataStart: number, fileBytes: number): SafetensorsHeader {
  let parsed: unknown;
  try {
    parsed = parseJson(text, { depth: MAX_HEADER_DEPTH, values: MAX_HEADER_VALUES, uniqueKeys: true });
  } catch (error) {
    throw broken(file, `its header is not JSON of tensors: ${oneLine((error as Error).message)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw broken(file, 'its header is not an object');
  const { __metadata__: metadata = {}, ...rest } = parsed as Record<string, unknown>;
  const texts = typeof metadata === 'object' && metadata !== null ? Object.entries(metadata) : undefined;
  if (!texts?.every(([, value]) => typeof value === 'string')) throw broken(file, 'its metadata is not texts by name');
  const tensors = Object.entries(rest).map(([name, value]) => parseTensor(file, name, value, dataStart));
  let at = dataStart;
  for (const { name, begin, end } of [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at)
      throw broken(file, `tensor ${JSON.stringify(name.slice(0, 80))} overlaps another or leaves a gap before it`);
    at = end;
  }
  if (at > fileBytes) throw broken(file, `it is cut short: ${fileBytes} of ${at} bytes`);
  if (at < fileBytes) throw broken(file, `${fileBytes - at} bytes after its last tensor belong to nothing`);
  return {
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    metadata: Object.fromEntries(texts) as Record<string, string>,
  };
}

async function readHeader(handle: FileHandle, file: string): Promise<SafetensorsHeader> {
  const { size } = await handle.stat();
  if (size < 8) throw broken(file, `it has only ${size} bytes`);
  const start = new Uint8Array(8);
  await readExactly(handle, start, 0, file);
  const headerBytes = new DataView(start.buffer).getBigUint64(0, true);
  if (headerBytes > BigInt(MAX_HEADER_BYTES)) throw broken(file, `its header claims ${headerBytes} bytes`);
  if (headerBytes > BigInt(size - 8)) throw broken(file, 'it is cut short within its header');
  const text = new Uint8Array(Number(headerBytes));
  await readExactly(handle, text, 8, file);
  return parseHeader(file, new TextDecoder().decode(text), 8 + text.byteLength, size);
}

export type TensorData =
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Uint16Array
  | Int16Array
  | Int8Array
  | Uint8Array;

const ARRAYS: Record<DType, new (buffer: ArrayBuffer) => TensorData> = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
};

/** The elements that bytes stand for, in the typed array of their type; copied where they do not lie on its boundary. */
export function viewAs(dtype: DType, bytes: Uint8Array): TensorData {
  const aligned = bytes.byteOffset % DTYPE_BYTES[dtype] === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return new ARRAYS[dtype]((aligned ? bytes : bytes.slice()).buffer as ArrayBuffer);
}

/** An open safetensors file: its header is in memory, tensors are read by offset when asked for. */
export class SafetensorsFile {
  private constructor(
    readonly file: string,
    readonly header: SafetensorsHeader,
    private readonly handle: FileHandle,
  ) {}

  /** @throws UserError when the file cannot be read or is malformed; headers of absurd length are not read. */
  static async open(file: string): Promise<SafetensorsFile> {
    const handle = await openRegular(file);
    try {
      return new SafetensorsFile(file, await readHeader(handle, file), handle);
    } catch (error) {
      await handle.close();
      throw (await notSafetensors(file)) ?? fileError(error, file, 'read the file');
    }
  }

  /** The elements of a tensor, in the typed array of its dtype (F16, BF16 and F8 as their bits). */
  async read(name: string): Promise<TensorData> {
    const info = this.header.tensors.get(name);
    if (!info) throw new UserError(`${this.file}: has no tensor named ${JSON.stringify(name)}`);
    checkMemory(info.end - info.begin, this.file, `the numbers of tensor ${JSON.stringify(name.slice(0, 80))} would`);
    try {
      const bytes = new Uint8Array(new ArrayBuffer(info.end - info.begin));
      await readExactly(this.handle, bytes, info.begin, this.file);
      return new ARRAYS[info.dtype](bytes.buffer);
    } catch (error) {
      if (error instanceof RangeError)
        throw new UserError(`${this.file}: tensor ${name} is too large for this process`);
      throw fileError(error, this.file, 'read the file');
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** Reads only the header of a safetensors file. */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  const opened = await SafetensorsFile.open(file);
  await opened.close();
  return opened.header;
}

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Bits of the exponent, which are all set in NaN and infinities, of types that are read as their bits. */
const EXPONENTS: Partial<Record<DType, number>> = { F16: 0x7c00, BF16: 0x7f80 };

/** How many elements are NaN or infinite; F8, which has no single meaning here, counts as finite. */
export function countNonFinite(dtype: DType, data: TensorData): number {
  let found = 0;
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (const value of data) if (!Number.isFinite(value)) found += 1;
    return found;
  }
  const exponent = EXPONENTS[dtype];
  if (exponent !== undefined && data instanceof Uint16Array)
    for (const bits of data) if ((bits & exponent) === exponent) found += 1;
  return found;
}

/** Float32 values of a tensor of any real element type. @throws UserError for F8, which has no single meaning here. */
export function toFloat32(dtype: DType, data: TensorData): Float32Array {
  if (data instanceof Float32Array) return data;
  if (dtype === 'F16') return Float32Array.from(data as Uint16Array, halfToFloat);
  if (dtype === 'BF16') {
    const bits = Uint32Array.from(data as Uint16Array, (value) => value << 16);
    return new Float32Array(bits.buffer);
  }
  if (dtype.startsWith('F8')) throw new UserError(`element type ${dtype} cannot be converted to float32`);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return Float32Array.from({ length: data.length }, (_, i) => Number(data[i]));
  }
  return Float32Array.from(data);
}

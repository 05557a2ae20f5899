import { AdvisedError, UserError } from '../errors/userError';
import type { Voxels, VoxelType } from './types';

const BYTES: Record<VoxelType, 1 | 2 | 4 | 8> = {
  uint8: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  int64: 8,
  uint64: 8,
  float64: 8,
};

export function bytesOf(type: VoxelType): 1 | 2 | 4 | 8 {
  return BYTES[type];
}

/** An empty array for voxels of a type; 64-bit integers are held as float64. */
export function newVoxels(type: VoxelType, length: number): Voxels {
  switch (type) {
    case 'uint8':
      return new Uint8Array(length);
    case 'int8':
      return new Int8Array(length);
    case 'int16':
      return new Int16Array(length);
    case 'uint16':
      return new Uint16Array(length);
    case 'int32':
      return new Int32Array(length);
    case 'uint32':
      return new Uint32Array(length);
    case 'float32':
      return new Float32Array(length);
    default:
      return new Float64Array(length);
  }
}

export const LITTLE_ENDIAN_HOST = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Turns the bytes of numbers into an array, swapping their order in place where needed; 64-bit integers become float64.
 *
 * @throws UserError naming `file` when a 64-bit integer is beyond ±2^53 and would not be exact
 */
export function numbersOf(buffer: ArrayBuffer, type: VoxelType, littleEndian: boolean, file: string): Voxels {
  if (littleEndian !== LITTLE_ENDIAN_HOST) {
    const view = Buffer.from(buffer);
    const size = BYTES[type];
    if (size === 2) view.swap16();
    else if (size === 4) view.swap32();
    else if (size === 8) view.swap64();
  }
  switch (type) {
    case 'uint8':
      return new Uint8Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'uint16':
      return new Uint16Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    default:
      return longs(buffer, type === 'int64', file);
  }
}

function longs(buffer: ArrayBuffer, signed: boolean, file: string): Float64Array {
  const out = new Float64Array(buffer.byteLength / 8);
  const low = new Uint32Array(buffer);
  const high = signed ? new Int32Array(buffer) : low;
  const [first, second] = LITTLE_ENDIAN_HOST ? [0, 1] : [1, 0];
  for (let i = 0; i < out.length; i++) {
    const value = high[2 * i + second]! * 2 ** 32 + low[2 * i + first]!;
    if (!Number.isSafeInteger(value)) {
      throw new AdvisedError(
        file,
        'holds 64-bit integers beyond ±2^53, which are not exact as numbers',
        'convert it to float64',
      );
    }
    out[i] = value;
  }
  return out;
}

/** As {@link numbersOf}, of a copy of the bytes. */
export function decodeNumbers(bytes: Uint8Array, type: VoxelType, littleEndian: boolean, file: string): Voxels {
  return numbersOf(new Uint8Array(bytes).buffer, type, littleEndian, file);
}

const RANGES: Partial<Record<VoxelType, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

/**
 * Numbers written as text, split at white space and commas.
 *
 * @throws UserError naming `file` when one is missing, is no number or does not fit the type
 */
export function parseNumbers(text: string, type: VoxelType, count: number, file: string): Voxels {
  const out = newVoxels(type, count);
  const range = RANGES[type];
  let found = 0;
  for (const [word] of text.matchAll(/[^\s,]+/g)) {
    if (found === count) break;
    const value = /^[-+]?(nan|inf(inity)?)$/i.test(word) ? special(word) : Number(word);
    if (Number.isNaN(value) && !/nan/i.test(word))
      throw new UserError(`${file}: "${word}" among the voxels is no number`);
    if (range && !(value >= range[0] && value <= range[1]))
      throw new UserError(`${file}: the value ${word} does not fit into ${type}, the type that the header gives`);
    out[found++] = value;
  }
  if (found < count) throw new UserError(`${file}: truncated: ${count} numbers expected, ${found} found`);
  return out;
}

function special(word: string): number {
  if (/nan/i.test(word)) return Number.NaN;
  return word.startsWith('-') ? -Infinity : Infinity;
}

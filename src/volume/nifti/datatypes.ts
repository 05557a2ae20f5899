import { UserError } from '../../errors/userError';
import type { VoxelArray } from '../types';

export type DatatypeName =
  'uint8' | 'int8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'float32' | 'float64';

export interface Datatype {
  readonly name: DatatypeName;
  readonly code: number;
  readonly bytes: 1 | 2 | 4 | 8;
}

export const DATATYPES: readonly Datatype[] = [
  { name: 'uint8', code: 2, bytes: 1 },
  { name: 'int16', code: 4, bytes: 2 },
  { name: 'int32', code: 8, bytes: 4 },
  { name: 'float32', code: 16, bytes: 4 },
  { name: 'float64', code: 64, bytes: 8 },
  { name: 'int8', code: 256, bytes: 1 },
  { name: 'uint16', code: 512, bytes: 2 },
  { name: 'uint32', code: 768, bytes: 4 },
  { name: 'int64', code: 1024, bytes: 8 },
  { name: 'uint64', code: 1280, bytes: 8 },
];

const REFUSED: Record<number, string> = {
  1: 'binary (1 bit)',
  32: 'complex64',
  128: 'RGB24',
  1536: 'float128',
  1792: 'complex128',
  2048: 'complex256',
  2304: 'RGBA32',
};

/** @throws UserError naming `file` for colour, complex and unknown types. */
export function datatypeOf(code: number, file: string): Datatype {
  const found = DATATYPES.find((type) => type.code === code);
  if (found) return found;
  const name = REFUSED[code];
  throw new UserError(
    name === undefined
      ? `${file}: datatype code ${code} is not one of NIfTI's: the header is corrupt`
      : `${file}: voxels of type ${name} are not supported: ${
          name.startsWith('RGB')
            ? 'they are colours; save an image as grey values, a label map as class numbers'
            : 'convert the image to one number a voxel, such as int16 or float32'
        }`,
  );
}

/** An empty array for voxels of a type; 64-bit integers are held as float64. */
export function allocateVoxels(name: DatatypeName, length: number): VoxelArray {
  switch (name) {
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

/** Name of the datatype that holds an array's values as they are. */
export function datatypeFor(data: VoxelArray): DatatypeName {
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Int16Array) return 'int16';
  if (data instanceof Uint16Array) return 'uint16';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint32Array) return 'uint32';
  return data instanceof Float32Array ? 'float32' : 'float64';
}

const LITTLE_ENDIAN_HOST = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Whether {@link decodeVoxels} takes a file's bytes as they are. */
export function storedAsRead(type: Datatype, littleEndian: boolean): boolean {
  return (littleEndian === LITTLE_ENDIAN_HOST || type.bytes === 1) && !/^u?int64$/.test(type.name);
}

/**
 * Turns the bytes of a file's voxels into an array, swapping byte order in place when needed.
 *
 * @throws UserError naming `file` when a 64-bit integer is beyond ±2^53 and would not be exact.
 */
export function decodeVoxels(bytes: ArrayBuffer, type: Datatype, littleEndian: boolean, file: string): VoxelArray {
  if (littleEndian !== LITTLE_ENDIAN_HOST) {
    const view = Buffer.from(bytes);
    if (type.bytes === 2) view.swap16();
    else if (type.bytes === 4) view.swap32();
    else if (type.bytes === 8) view.swap64();
  }
  switch (type.name) {
    case 'uint8':
      return new Uint8Array(bytes);
    case 'int8':
      return new Int8Array(bytes);
    case 'int16':
      return new Int16Array(bytes);
    case 'uint16':
      return new Uint16Array(bytes);
    case 'int32':
      return new Int32Array(bytes);
    case 'uint32':
      return new Uint32Array(bytes);
    case 'float32':
      return new Float32Array(bytes);
    case 'float64':
      return new Float64Array(bytes);
    default:
      return decodeLong(bytes, type.name === 'int64', file);
  }
}

function decodeLong(bytes: ArrayBuffer, signed: boolean, file: string): Float64Array {
  const out = new Float64Array(bytes.byteLength / 8);
  const low = new Uint32Array(bytes);
  const high = signed ? new Int32Array(bytes) : low;
  const [first, second] = LITTLE_ENDIAN_HOST ? [0, 1] : [1, 0];
  for (let i = 0; i < out.length; i++) {
    const value = high[2 * i + second]! * 2 ** 32 + low[2 * i + first]!;
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
      throw new UserError(
        `${file}: holds 64-bit integers beyond ±2^53, which are not exact as numbers: convert it to float64`,
      );
    }
    out[i] = value;
  }
  return out;
}

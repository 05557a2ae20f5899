import { UserError } from '../../errors/userError';
import { LITTLE_ENDIAN_HOST } from '../../formats/numbers';
import type { VoxelType } from '../../formats/types';
import type { VoxelArray } from '../types';

export type { VoxelType as DatatypeName } from '../../formats/types';

export interface Datatype {
  readonly name: VoxelType;
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

/** Name of the datatype that holds an array's values as they are. */
export function datatypeFor(data: VoxelArray): VoxelType {
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Int16Array) return 'int16';
  if (data instanceof Uint16Array) return 'uint16';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint32Array) return 'uint32';
  return data instanceof Float32Array ? 'float32' : 'float64';
}

/** Whether `numbersOf` takes a file's bytes as they are. */
export function storedAsRead(type: Datatype, littleEndian: boolean): boolean {
  return (littleEndian === LITTLE_ENDIAN_HOST || type.bytes === 1) && !/^u?int64$/.test(type.name);
}

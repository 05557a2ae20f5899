import { UserError } from '../../errors/userError';
import type { VoxelType } from '../types';
import { counted } from '../../text';

/** Keys of a MetaImage header in lower case, and where the header ends. */
export interface MetaFields {
  readonly fields: ReadonlyMap<string, string>;
  /** Lines behind `ElementDataFile = LIST`. */
  readonly list: readonly string[];
  readonly end: number;
}

/** Of a path. */
const MOST_CHARACTERS = 1 << 13;

/** @throws UserError naming `file` when there is no `ElementDataFile`, which ends a header */
export function parseMeta(bytes: Buffer, file: string): MetaFields {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    let stop = bytes.indexOf(0x0a, at);
    if (stop < 0) stop = bytes.length;
    const line = bytes.toString('utf8', at, stop).replace(/\r$/, '');
    at = Math.min(stop + 1, bytes.length);
    const sign = line.search(/[=:]/);
    const key = line.slice(0, Math.max(0, sign)).trim().toLowerCase();
    if (key === '') continue;
    const value = line.slice(sign + 1).trim();
    fields.set(key, value);
    if (key !== 'elementdatafile') continue;
    if (value.length > MOST_CHARACTERS)
      throw new UserError(
        `${file}: ElementDataFile of the MetaImage header has ${value.length} characters: it is damaged`,
      );
    const list = /^LIST\b/i.test(value)
      ? bytes
          .toString('utf8', at)
          .split(/\r?\n/)
          .map((name) => name.trim())
          .filter((name) => name !== '')
      : [];
    return { fields, list, end: at };
  }
  throw new UserError(`${file}: truncated: the MetaImage header has no ElementDataFile`);
}

const TYPES: Record<string, VoxelType> = {
  MET_CHAR: 'int8',
  MET_UCHAR: 'uint8',
  MET_SHORT: 'int16',
  MET_USHORT: 'uint16',
  MET_INT: 'int32',
  MET_UINT: 'uint32',
  // MetaIO writes and reads these as 4 bytes.
  MET_LONG: 'int32',
  MET_ULONG: 'uint32',
  MET_LONG_LONG: 'int64',
  MET_ULONG_LONG: 'uint64',
  MET_FLOAT: 'float32',
  MET_DOUBLE: 'float64',
};

/** @throws UserError naming `file` for a type that is not one of numbers */
export function voxelType({ fields }: MetaFields, file: string): VoxelType {
  const name = (fields.get('elementtype') ?? '').toUpperCase();
  const plain = name.replace(/_ARRAY$/, '');
  const type = Object.hasOwn(TYPES, plain) ? TYPES[plain] : undefined;
  if (!type) throw new UserError(`${file}: ElementType ${name || '(none)'} of the MetaImage header cannot be read`);
  return type;
}

/** The numbers of a key, or undefined. @throws UserError naming `file` */
export function numbers(
  { fields }: MetaFields,
  names: readonly string[],
  count: number,
  file: string,
): number[] | undefined {
  const name = names.find((one) => fields.has(one.toLowerCase()));
  if (name === undefined) return undefined;
  const values = fields.get(name.toLowerCase())!.split(/\s+/).map(Number);
  if (values.length < count || values.slice(0, count).some((value) => !Number.isFinite(value)))
    throw new UserError(`${file}: ${name} in the MetaImage header should have ${counted(count, 'number')}`);
  return values.slice(0, count);
}

export function isTrue({ fields }: MetaFields, ...names: string[]): boolean {
  return names.some((name) => /^(true|1|yes|t|y)$/i.test(fields.get(name.toLowerCase()) ?? ''));
}

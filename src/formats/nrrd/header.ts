import { UserError } from '../../errors/userError';
import type { VoxelType } from '../types';

/** The fields of a header (http://teem.sourceforge.net/nrrd/format.html), by their names in lower case without blanks. */
export interface NrrdFields {
  readonly fields: ReadonlyMap<string, string>;
  /** `key:=value` pairs. */
  readonly keys: ReadonlyMap<string, string>;
  /** Files of a `LIST`, one a line behind the header. */
  readonly list: readonly string[];
  /** Where the data starts in the file, when it is in the same one. */
  readonly end: number;
}

const ALIASES: Record<string, string> = {
  centerings: 'centers',
  datafile: 'datafile',
  samplesunits: 'sampleunits',
};

/** Enough for the headers of segmentations with hundreds of segments. */
export const HEADER_LIMIT = 1 << 24;
/** Of a field: a path, or some numbers an axis. */
const MOST_CHARACTERS = 1 << 13;

/**
 * Parses a header from the first bytes of a file.
 *
 * @throws UserError naming `file`
 */
export function parseNrrd(bytes: Buffer, file: string): NrrdFields {
  const fields = new Map<string, string>();
  const keys = new Map<string, string>();
  const list: string[] = [];
  let at = 0;
  let first = true;
  let listing = false;
  for (;;) {
    let stop = bytes.indexOf(0x0a, at);
    const last = stop < 0;
    if (last) stop = bytes.length;
    const line = bytes.toString('utf8', at, stop).replace(/\r$/, '');
    at = Math.min(stop + 1, bytes.length);
    if (first) {
      if (!/^NRRD000\d/.test(line)) throw new UserError(`${file}: is not NRRD: it does not start with "NRRD000"`);
      first = false;
    } else if (listing) {
      if (line.trim() !== '') list.push(line.trim());
    } else if (line === '') {
      if (!last || at < bytes.length) return { fields, keys, list, end: at };
    } else if (!line.startsWith('#')) {
      const colon = line.indexOf(':');
      const value = line.slice(colon + 1);
      if (colon >= 0 && value.startsWith('=')) keys.set(line.slice(0, colon), unescape(value.slice(1)));
      else if (colon > 0) {
        const name = line.slice(0, colon).toLowerCase().replaceAll(/\s/g, '');
        const text = value.trim();
        if (text.length > MOST_CHARACTERS)
          throw new UserError(
            `${file}: "${name.slice(0, 40)}" of the NRRD header has ${text.length} characters: the file is damaged`,
          );
        fields.set(Object.hasOwn(ALIASES, name) ? ALIASES[name]! : name, text);
        listing = name === 'datafile' && /^LIST\b/.test(text);
      } else throw new UserError(`${file}: the line "${line.slice(0, 60)}" of the NRRD header is no field`);
    }
    if (last) return { fields, keys, list, end: bytes.length };
  }
}

const unescape = (text: string): string => text.replaceAll(/\\([n\\])/g, (_, c) => (c === 'n' ? '\n' : '\\'));

const TYPES: readonly (readonly [VoxelType, RegExp])[] = [
  ['int8', /^(signed char|int8|int8_t)$/],
  ['uint8', /^(uchar|unsigned char|uint8|uint8_t)$/],
  ['int16', /^(short|short int|signed short|signed short int|int16|int16_t)$/],
  ['uint16', /^(ushort|unsigned short|unsigned short int|uint16|uint16_t)$/],
  ['int32', /^(int|signed int|int32|int32_t)$/],
  ['uint32', /^(uint|unsigned int|uint32|uint32_t)$/],
  ['int64', /^(longlong|long long|long long int|signed long long|signed long long int|int64|int64_t)$/],
  ['uint64', /^(ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t)$/],
  ['float32', /^float$/],
  ['float64', /^double$/],
];

/** @throws UserError naming `file` for `block` and unknown types */
export function voxelType({ fields }: NrrdFields, file: string): VoxelType {
  const name = needed(fields, 'type', file).toLowerCase();
  const found = TYPES.find(([, names]) => names.test(name));
  if (!found) throw new UserError(`${file}: voxels of the NRRD type "${name}" cannot be read`);
  return found[0];
}

/** The value of a field. @throws UserError naming `file` when it is missing */
export function needed(fields: ReadonlyMap<string, string>, name: string, file: string): string {
  const value = fields.get(name);
  if (value === undefined) throw new UserError(`${file}: the NRRD header has no "${name}": the file is damaged`);
  return value;
}

/** Words of a field: strings in quotes count as one. */
export function words(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g)].map((match) => match[1] ?? match[0]);
}

/** Vectors such as `(1,0,0) none (0,1,0)`; null for `none`. @throws UserError naming `file` */
export function vectors(text: string, file: string): (number[] | null)[] {
  return [...text.matchAll(/\(([^)]*)\)|\S+/g)].map(([word, inside]) => {
    if (inside === undefined) {
      if (/^none$/i.test(word)) return null;
      throw new UserError(`${file}: "${word}" in the NRRD header is no vector`);
    }
    const numbers = inside.split(',').map((part) => number(part));
    return numbers.every(Number.isNaN) ? null : numbers;
  });
}

/** A number as teem writes it, `nan` and `inf` among them. */
export function number(text: string): number {
  const word = text.trim().toLowerCase();
  if (/^[-+]?inf/.test(word)) return word.startsWith('-') ? -Infinity : Infinity;
  return word === '' ? Number.NaN : Number(word);
}

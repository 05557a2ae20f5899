import { dirname, isAbsolute, join } from 'node:path';
import { UserError } from '../../errors/userError';
import { checkFileCount, checkLength, checkText, fileLength, inflate, numbered, readBytes } from '../fileBytes';
import { checkMemory } from '../../files/memory';
import { formatBytes } from '../../text';
import { bytesOf, decodeNumbers, parseNumbers } from '../numbers';
import type { VoxelType, Voxels } from '../types';
import { needed, words, type NrrdFields } from './header';

type Encoding = 'raw' | 'text' | 'hex' | 'gzip' | 'bzip2';

const ENCODINGS: Record<string, Encoding> = {
  raw: 'raw',
  txt: 'text',
  text: 'text',
  ascii: 'text',
  hex: 'hex',
  gz: 'gzip',
  gzip: 'gzip',
  bz2: 'bzip2',
  bzip2: 'bzip2',
};

/** @throws UserError naming `file` for an encoding that is not known */
export function encodingOf({ fields }: NrrdFields, file: string): Encoding {
  const name = needed(fields, 'encoding', file).toLowerCase();
  const found = Object.hasOwn(ENCODINGS, name) ? ENCODINGS[name] : undefined;
  if (!found)
    throw new UserError(`${file}: the NRRD encoding "${name}" cannot be read; raw, gzip, bzip2, ascii and hex can`);
  return found;
}

/** The files that hold the voxels, in order; undefined when they follow the header. */
export function dataFiles({ fields, list }: NrrdFields, file: string): string[] | undefined {
  const text = fields.get('datafile');
  if (text === undefined) return undefined;
  const here = (name: string): string => (isAbsolute(name) ? name : join(dirname(file), name));
  if (/^LIST\b/.test(text)) {
    if (list.length === 0) throw new UserError(`${file}: "data file: LIST" is followed by no file name`);
    return list.map(here);
  }
  const parts = /^(.*%\d*d.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(\s+\d+)?$/.exec(text);
  if (!parts) return [here(words(text).length === 1 ? words(text)[0]! : text)];
  const [from, to, step] = [Number(parts[2]), Number(parts[3]), Number(parts[4])];
  if (step === 0) throw new UserError(`${file}: the numbers of the data files in the NRRD header have step 0`);
  checkFileCount((to - from) / step + 1, file);
  const files: string[] = [];
  for (let n = from; step > 0 ? n <= to : n >= to; n += step) files.push(here(numbered(parts[1]!, n)));
  return files;
}

const whole = (header: NrrdFields, name: string): number => Math.trunc(Number(header.fields.get(name) ?? 0)) || 0;

/** Leaves out whole lines. @throws UserError naming `file` when there are fewer */
function skipLines(bytes: Buffer, lines: number, file: string): Buffer {
  let at = 0;
  for (let i = 0; i < lines; i++) {
    const stop = bytes.indexOf(0x0a, at);
    if (stop < 0) throw new UserError(`${file}: truncated: it has fewer than the ${lines} lines to be skipped`);
    at = stop + 1;
  }
  return bytes.subarray(at);
}

/** Unpacks `expected` bytes; what follows them is left out. */
async function unbzip(bytes: Buffer, expected: number, file: string): Promise<Buffer> {
  const { default: bunzip } = await import('seek-bzip');
  checkMemory(expected, file, `its ${formatBytes(expected)} of voxels would`);
  let out = Buffer.alloc(Math.min(expected, 1 << 16));
  let filled = 0;
  const writeByte = (byte: number): void => {
    if (filled >= expected) throw new Enough();
    if (filled === out.length) out = Buffer.concat([out], Math.min(expected, 2 * out.length));
    out[filled++] = byte;
  };
  try {
    bunzip.decode(bytes, { writeByte });
    return out.subarray(0, filled);
  } catch (error) {
    if (error instanceof Enough) return out.subarray(0, filled);
    throw new UserError(`${file}: truncated or damaged: the bzip2 data cannot be unpacked`, 1, { cause: error });
  }
}

/** Ends the unpacking. */
class Enough extends Error {}

interface Piece {
  readonly file: string;
  /** Where the data starts, before any skipping. */
  readonly start: number;
}

/** The bytes of `count` numbers from one file. */
async function pieceBytes(header: NrrdFields, piece: Piece, encoding: Encoding, expected: number): Promise<Buffer> {
  const { file, start } = piece;
  const skip = whole(header, 'byteskip');
  if (skip < 0 && encoding === 'raw') {
    // −1: the voxels are the end of the file; −2: one byte follows them.
    const from = (await fileLength(file)) - expected + (skip + 1);
    checkLength(from < start ? expected + from - start : expected, expected, file);
    return readBytes(file, from, expected);
  }
  const lines = skipLines(await readBytes(file, start), whole(header, 'lineskip'), file);
  const behind = Math.max(0, skip);
  if (encoding === 'gzip') return (await inflate(lines, expected + behind, file)).subarray(behind);
  if (encoding === 'bzip2') return (await unbzip(lines, expected + behind, file)).subarray(behind);
  return lines.subarray(behind);
}

function fromHex(bytes: Buffer, expected: number, file: string): Buffer {
  checkText(bytes, 2 * expected, file);
  const digits = bytes.toString('latin1').replaceAll(/\s/g, '');
  if (/[^0-9a-f]/i.test(digits.slice(0, expected * 2)))
    throw new UserError(`${file}: the hexadecimal voxels hold other characters`);
  return Buffer.from(digits.slice(0, expected * 2), 'hex');
}

/**
 * All numbers of a file, in its order.
 *
 * @throws UserError naming the file that is missing, damaged or too short
 */
export async function readData(header: NrrdFields, file: string, type: VoxelType, count: number): Promise<Voxels> {
  const encoding = encodingOf(header, file);
  const pieces: Piece[] = dataFiles(header, file)?.map((one) => ({ file: one, start: 0 })) ?? [
    { file, start: header.end },
  ];
  if (count % pieces.length !== 0)
    throw new UserError(`${file}: ${count} voxels cannot be divided among ${pieces.length} data files`);
  checkMemory(2 * count * bytesOf(type), file, `its ${count} voxels of ${type} would`);
  const each = count / pieces.length;
  const expected = each * bytesOf(type);
  const littleEndian = !/^big$/i.test(header.fields.get('endian') ?? 'little');
  const parts: Voxels[] = [];
  for (const piece of pieces) {
    const bytes = await pieceBytes(header, piece, encoding, expected);
    if (encoding === 'text') {
      checkText(bytes, each, piece.file);
      parts.push(parseNumbers(bytes.toString('latin1'), type, each, piece.file));
      continue;
    }
    const plain = encoding === 'hex' ? fromHex(bytes, expected, piece.file) : bytes;
    checkLength(plain.length, expected, piece.file);
    parts.push(decodeNumbers(plain.subarray(0, expected), type, littleEndian, piece.file));
  }
  return joined(parts, count);
}

function joined(parts: readonly Voxels[], length: number): Voxels {
  if (parts.length === 1) return parts[0]!;
  const out = new (parts[0]!.constructor as new (length: number) => Voxels)(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

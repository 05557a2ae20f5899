import { dirname, isAbsolute, join } from 'node:path';
import { UserError } from '../../errors/userError';
import { checkMemory } from '../../files/memory';
import { checkFileCount, checkLength, checkText, fileLength, inflate, numbered, readBytes } from '../fileBytes';
import { bytesOf, decodeNumbers, newVoxels, parseNumbers } from '../numbers';
import type { VoxelType, Voxels } from '../types';
import { isTrue, type MetaFields } from './header';

/** The files that hold the voxels, in order; undefined when they follow the header. @throws UserError naming `file` */
export function dataFiles({ fields, list }: MetaFields, depth: number, file: string): string[] | undefined {
  const text = fields.get('elementdatafile')!;
  if (/^local$/i.test(text)) return undefined;
  const here = (name: string): string => (isAbsolute(name) ? name : join(dirname(file), name.replaceAll('\\', '/')));
  if (/^LIST\b/i.test(text)) {
    if (list.length === 0) throw new UserError(`${file}: "ElementDataFile = LIST" is followed by no file name`);
    return list.map(here);
  }
  const parts = /^(\S*%0?\d*d\S*)(?:\s+(-?\d+))?(?:\s+(-?\d+))?(?:\s+(-?\d+))?$/.exec(text);
  if (!parts) return [here(text)];
  const from = Number(parts[2] ?? 1);
  const to = Number(parts[3] ?? from + depth - 1);
  const step = Number(parts[4] ?? 1);
  if (step < 1) throw new UserError(`${file}: the numbers of the data files in the MetaImage header have step ${step}`);
  checkFileCount((to - from) / step + 1, file);
  const files: string[] = [];
  for (let n = from; n <= to; n += step) files.push(here(numbered(parts[1]!, n)));
  return files;
}

export interface Wanted {
  readonly type: VoxelType;
  /** Numbers in all. */
  readonly count: number;
  /** Length of the last axis: one file a slice where a pattern gives no end. */
  readonly depth: number;
}

export function isBigEndian(header: MetaFields): boolean {
  return isTrue(header, 'BinaryDataByteOrderMSB', 'ElementByteOrderMSB', 'ElementBinaryDataByteOrderMSB');
}

/** The first byte of the data in a file of its own, or behind the header. */
async function startIn(header: MetaFields, file: string, behind: number, bytes: number): Promise<number> {
  const skip = Number(header.fields.get('headersize') ?? 0);
  if (skip === -1) return Math.max(0, (await fileLength(file)) - bytes);
  return behind + (Number.isFinite(skip) && skip > 0 ? skip : 0);
}

/** Numbers of one file. */
async function readPiece(header: MetaFields, file: string, behind: number, wanted: Wanted): Promise<Voxels> {
  const { type, count } = wanted;
  const compressed = isTrue(header, 'CompressedData');
  const text = header.fields.has('binarydata') && !isTrue(header, 'BinaryData');
  const expected = count * bytesOf(type);
  const start = compressed || text ? behind : await startIn(header, file, behind, expected);
  const bytes = await readBytes(file, start, compressed || text ? Infinity : expected);
  if (text) {
    checkText(bytes, count, file);
    return parseNumbers(bytes.toString('latin1'), type, count, file);
  }
  const plain = compressed ? await inflate(bytes, expected, file) : bytes;
  checkLength(plain.length, expected, file);
  return decodeNumbers(plain.subarray(0, expected), type, !isBigEndian(header), file);
}

/**
 * All numbers, in the order of the files.
 *
 * @throws UserError naming the file that is missing, damaged or too short
 */
export async function readData(header: MetaFields, file: string, wanted: Wanted): Promise<Voxels> {
  checkMemory(2 * wanted.count * bytesOf(wanted.type), file, `its ${wanted.count} voxels of ${wanted.type} would`);
  const files = dataFiles(header, wanted.depth, file);
  if (!files) return readPiece(header, file, header.end, wanted);
  if (files.length === 1) return readPiece(header, files[0]!, 0, wanted);
  const each = wanted.count / files.length;
  if (!Number.isInteger(each))
    throw new UserError(`${file}: ${wanted.count} voxels cannot be divided among ${files.length} data files`);
  const out = newVoxels(wanted.type, wanted.count);
  for (const [index, one] of files.entries())
    out.set(await readPiece(header, one, 0, { ...wanted, count: each }), index * each);
  return out;
}

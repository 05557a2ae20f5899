import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../errors/userError';
import { formatBytes } from '../../text';
import { readRange } from './bytes';
import { FULL16, FULL32, ZIP } from './format';

/** What a zip file's directory says of one file in it. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** Where its local header begins. */
  readonly offset: number;
}

const MAX_DIRECTORY_BYTES = 1 << 26;
const MAX_COMMENT_BYTES = FULL16;
/** Zeros deflate to a thousandth; weights hardly at all. */
const MAX_EXPANSION = 1100;
/** All entries together, as many of them are weights; beyond what is allowed to a file of any size. */
const MAX_TOTAL_EXPANSION = 50;
const FREE_BYTES = 1 << 28;

export function brokenZip(file: string, what: string): UserError {
  return new UserError(`${file}: not a usable zip file: ${what}`);
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function safeNumber(value: bigint, file: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw brokenZip(file, `it claims a size of ${value} bytes`);
  return Number(value);
}

interface Directory {
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
}

async function findDirectory(handle: FileHandle, file: string, size: number): Promise<Directory> {
  const tailBytes = Math.min(size, ZIP.endBytes + MAX_COMMENT_BYTES + ZIP.locator64Bytes);
  const tailStart = size - tailBytes;
  const tail = viewOf(await readRange(handle, file, tailStart, tailBytes));
  let at = tailBytes - ZIP.endBytes;
  while (at >= 0 && tail.getUint32(at, true) !== ZIP.end) at -= 1;
  if (at < 0) throw brokenZip(file, 'it has no directory at its end; it is cut short: copy or download it again');
  const locator = at - ZIP.locator64Bytes;
  if (locator >= 0 && tail.getUint32(locator, true) === ZIP.locator64) {
    const position = safeNumber(tail.getBigUint64(locator + 8, true), file);
    if (position + ZIP.end64Bytes > size) throw brokenZip(file, 'its directory lies outside the file');
    const end = viewOf(await readRange(handle, file, position, ZIP.end64Bytes));
    if (end.getUint32(0, true) !== ZIP.end64) throw brokenZip(file, 'its zip64 directory is not where it should be');
    const [entries, bytes, offset] = [32, 40, 48].map((field) => safeNumber(end.getBigUint64(field, true), file));
    return { entries: entries!, bytes: bytes!, offset: offset! };
  }
  return {
    entries: tail.getUint16(at + 10, true),
    bytes: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
}

/** The sizes and the offset of an entry, from its zip64 field where they do not fit in 32 bits. */
function entrySizes(view: DataView, at: number, extraAt: number, extraBytes: number, file: string) {
  const sizes = { bytes: view.getUint32(at + 24, true), compressedBytes: view.getUint32(at + 20, true) };
  const result = { ...sizes, offset: view.getUint32(at + 42, true) };
  for (let field = extraAt; field + 4 <= extraAt + extraBytes;) {
    const [id, length] = [view.getUint16(field, true), view.getUint16(field + 2, true)];
    let value = field + 4;
    field = value + length;
    if (id !== ZIP.extra64 || field > extraAt + extraBytes) continue;
    for (const key of ['bytes', 'compressedBytes', 'offset'] as const) {
      if (result[key] !== FULL32 || value + 8 > field) continue;
      result[key] = safeNumber(view.getBigUint64(value, true), file);
      value += 8;
    }
  }
  return result;
}

function parseEntries(bytes: Uint8Array, count: number, file: string): ZipEntry[] {
  const view = viewOf(bytes);
  const entries: ZipEntry[] = [];
  for (let at = 0, i = 0; i < count; i++) {
    const header = at + ZIP.centralBytes;
    if (header > bytes.length || view.getUint32(at, true) !== ZIP.central)
      throw brokenZip(file, 'its directory is cut short');
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const end = header + nameBytes! + extraBytes! + commentBytes!;
    if (end > bytes.length) throw brokenZip(file, 'its directory is cut short');
    const name = new TextDecoder().decode(bytes.subarray(header, header + nameBytes!));
    if (view.getUint16(at + 8, true) & 1) throw brokenZip(file, `${JSON.stringify(name)} in it is encrypted`);
    const sizes = entrySizes(view, at, header + nameBytes!, extraBytes!, file);
    entries.push({ name, method: view.getUint16(at + 10, true), crc: view.getUint32(at + 16, true), ...sizes });
    at = end;
  }
  return entries;
}

/** Refuses what no writer makes and a decompression bomb needs: overlapping entries, and absurd expansion. */
function checkEntries(entries: readonly ZipEntry[], directory: Directory, file: string, size: number): void {
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > MAX_TOTAL_EXPANSION * size + FREE_BYTES)
    throw brokenZip(file, `its entries claim ${formatBytes(total)} from ${formatBytes(size)}: refused`);
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset)) {
    const shown = JSON.stringify(entry.name.slice(0, 80));
    if (entry.offset < end) throw brokenZip(file, `${shown} in it overlaps another entry`);
    end = entry.offset + ZIP.localBytes + entry.compressedBytes;
    if (end > directory.offset) throw brokenZip(file, `${shown} in it lies outside the file; it is cut short`);
    if (entry.method === ZIP.stored && entry.bytes !== entry.compressedBytes)
      throw brokenZip(file, `${shown} in it has two sizes`);
    if (entry.bytes > (entry.compressedBytes + 1) * MAX_EXPANSION)
      throw brokenZip(file, `${shown} in it claims ${entry.bytes} bytes from ${entry.compressedBytes}: refused`);
  }
}

/** Reads and checks the directory of a zip file, zip64 included. @throws UserError when it is malformed or cut short */
export async function readDirectory(handle: FileHandle, file: string): Promise<Map<string, ZipEntry>> {
  const { size } = await handle.stat();
  if (size < ZIP.endBytes) throw brokenZip(file, `it has only ${size} bytes`);
  const directory = await findDirectory(handle, file, size);
  if (directory.offset + directory.bytes > size) throw brokenZip(file, 'its directory lies outside the file');
  const absurd = directory.bytes > MAX_DIRECTORY_BYTES || directory.entries * ZIP.centralBytes > directory.bytes;
  if (absurd) throw brokenZip(file, `its directory claims ${directory.entries} entries in ${directory.bytes} bytes`);
  const bytes = await readRange(handle, file, directory.offset, directory.bytes);
  const entries = parseEntries(bytes, directory.entries, file);
  checkEntries(entries, directory, file, size);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  if (byName.size !== entries.length) throw brokenZip(file, 'two of its entries have the same name');
  return byName;
}

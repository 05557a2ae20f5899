import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { readStart } from './bytes';
import { headerLength, type NiftiHeader } from './header';
import { headerFileOf } from './pair';

/** Longer extensions are not read: a table of labels is a few kilobytes. */
const MOST_BYTES = 1 << 22;

/**
 * Codes of extensions that hold a Caret table: its own (`NIFTI_ECODE_CARET`), and 0, which TotalSegmentator writes. The second is
 * what is written, since nibabel hands out the text of no other.
 */
export const [CARET_CODE, PLAIN_CODE] = [30, 0];

/** One extension of a NIfTI header: its code (`NIFTI_ECODE_…`) and content. */
interface NiftiExtension {
  readonly code: number;
  readonly content: Uint8Array;
}

/** The first bytes of a file, inflated, and nothing more of it. */
async function firstBytes(file: string, length: number): Promise<Buffer> {
  const { compressed } = await readStart(file, 2);
  const source = createReadStream(file, compressed ? {} : { end: length - 1 });
  const stream = compressed ? source.pipe(createGunzip()) : source;
  source.on('error', (error) => stream.destroy(error));
  const pieces: Buffer[] = [];
  let filled = 0;
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      pieces.push(piece);
      filled += piece.length;
      if (filled >= length) break;
    }
  } finally {
    source.destroy();
    stream.destroy();
  }
  return Buffer.concat(pieces).subarray(0, length);
}

/**
 * The extensions between the header and the voxels, or behind the header of an `.hdr/.img` pair. A damaged one ends the list: nothing
 * else of the file depends on it.
 *
 * @param file either file of a pair
 * @param header of this file, which is NIfTI
 */
export async function readExtensions(
  file: string,
  header: Pick<NiftiHeader, 'version' | 'littleEndian' | 'voxelOffset' | 'voxelFile'>,
): Promise<NiftiExtension[]> {
  const least = headerLength(header.version);
  const end = header.voxelFile === undefined ? header.voxelOffset : MOST_BYTES;
  if (end <= least + 4 + 8 || end > MOST_BYTES) return [];
  const bytes = await firstBytes(await headerFileOf(file), end).catch(() => Buffer.alloc(0));
  if (bytes.length < least + 12 || bytes[least] === 0) return [];
  const number = (at: number): number => (header.littleEndian ? bytes.readInt32LE(at) : bytes.readInt32BE(at));
  const found: NiftiExtension[] = [];
  for (let at = least + 4; at + 8 <= bytes.length;) {
    const size = number(at);
    if (size < 8 || at + size > bytes.length) break;
    found.push({ code: number(at + 4), content: bytes.subarray(at + 8, at + size) });
    at += size;
  }
  return found;
}

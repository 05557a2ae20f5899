import { createHash, type Hash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { openRegular } from '../../files/regular';
import { axisCodes, filesBehind, spacingOf, type NiftiHeader, type Volume } from '../../volume';
import type { ImageFacts } from './types';

const PIECE = 1 << 17;

/**
 * Hash of a file's length, beginning, middle and end: the beginning alone may be air in many scans. Of a volume in several files
 * (slices, a detached header) it is that of the first, a middle and the last one.
 */
export async function pieceHash(file: string): Promise<string> {
  const files = await filesBehind(file);
  const sample = files.length > 3 ? [files[0]!, files[files.length >> 1]!, files.at(-1)!] : files;
  const hash = createHash('sha256');
  for (const one of sample) await addPieces(hash, one);
  return hash.digest('hex');
}

async function addPieces(hash: Hash, file: string): Promise<void> {
  const handle = await openRegular(file);
  try {
    const { size } = await handle.stat();
    hash.update(String(size));
    const last = Math.max(0, size - PIECE);
    for (const start of new Set([0, Math.floor(last / 2), last])) {
      const buffer = Buffer.alloc(Math.min(PIECE, size));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

/** Hash of the voxels, however the file is compressed. */
export function voxelHash({ data, shape }: Volume): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(`${data.constructor.name} ${shape.join()}`).update(bytes).digest('hex');
}

/** What a header says of an image. */
export async function factsOf(file: string, header: NiftiHeader): Promise<ImageFacts> {
  const { size, channels, affine } = header;
  return {
    file,
    realPath: await realpath(file),
    fingerprints: [await pieceHash(file)],
    header: { size, channels, affine },
    orientation: axisCodes(affine),
    spacing: spacingOf(affine),
  };
}

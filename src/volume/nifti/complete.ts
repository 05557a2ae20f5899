import { open } from 'node:fs/promises';
import { fileError } from '../../errors/userError';
import { checkMemory } from '../../files/memory';
import { streamRange, type RangeRead } from './bytes';
import type { NiftiHeader } from './header';
import { voxelBytes } from './read';

/** Bytes that writers put behind the voxels at most, for padding. */
const PADDING = 1 << 20;
const HAS_EXTRA_FIELD = 4;

/** The uncompressed length (modulo 2³²) that a gzip file of one member ends with; undefined for one in blocks (BGZF). */
async function claimedLength(file: string): Promise<number | undefined> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const start = Buffer.alloc(4);
      const end = Buffer.alloc(4);
      await handle.read(start, 0, 4, 0);
      await handle.read(end, 0, 4, Math.max(0, size - 4));
      return start[3]! & HAS_EXTRA_FIELD ? undefined : end.readUInt32LE(0);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, file, 'read the volume');
  }
}

/**
 * Makes sure that a compressed file does not end too early, as an interrupted download does. The end of the file usually tells;
 * only when it does not agree with the header is everything inflated. (Of an uncompressed file, reading the header already tells.)
 *
 * @returns whether other bytes follow the gzip data, where everything was inflated
 * @throws UserError naming the file when voxels are missing or the data is damaged.
 */
export async function checkComplete(named: string, header: NiftiHeader): Promise<RangeRead> {
  if (!header.compressed) return { trailing: false };
  const file = header.voxelFile ?? named;
  const claimed = await claimedLength(file);
  const expected = header.voxelOffset + voxelBytes(header);
  const beyond = claimed === undefined ? 0 : (claimed - (expected % 2 ** 32) + 2 ** 32) % 2 ** 32;
  if (beyond <= PADDING) return { trailing: false };
  checkMemory(voxelBytes(header), file, 'its voxels would');
  return streamRange(file, true, header.voxelOffset, voxelBytes(header), () => undefined);
}

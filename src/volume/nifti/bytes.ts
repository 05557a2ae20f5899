import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { UserError, fileError } from '../../errors/userError';
import { isMissing, regularFile } from '../../files/regular';
import { isForeignMember, membersEnd } from './gzip';
import { danglingLink, refusePacked, refuseStandIn } from '../../formats/pointers';

/** The first bytes of a file, inflated when it is gzip. */
export interface FileStart {
  readonly bytes: Uint8Array;
  readonly compressed: boolean;
  /** Length of the file on disk. */
  readonly fileLength: number;
}

/** Enough compressed bytes for a header, even behind a long gzip header. */
const PROBE = 8192;
/** Bytes after the voxels that are still inflated, to reach the checksum: a file that goes on and on is not followed. */
const MAX_TRAILING = 1 << 26;

/**
 * Reads the first `length` bytes (fewer when the file is shorter) without inflating the rest.
 *
 * @throws UserError naming `file` when it cannot be read or is damaged there.
 */
export async function readStart(file: string, length: number): Promise<FileStart> {
  const probe = Buffer.alloc(Math.max(PROBE, length));
  let count = 0;
  let fileLength = 0;
  try {
    const info = await regularFile(file, 'read the volume');
    if (info.isDirectory()) throw new UserError(`${file}: is a folder, not a file`);
    fileLength = info.size;
    const handle = await open(file, 'r');
    try {
      count = (await handle.read(probe, 0, probe.length, 0)).bytesRead;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw (isMissing(error) && (await danglingLink(file))) || fileError(error, file, 'read the volume');
  }
  const start = probe.subarray(0, count);
  refuseStandIn(file, start);
  const compressed = count >= 2 && start[0] === 0x1f && start[1] === 0x8b;
  if (!compressed) return { bytes: start.subarray(0, length), compressed, fileLength };
  try {
    const bytes = gunzipSync(start, { finishFlush: constants.Z_SYNC_FLUSH });
    refusePacked(file, bytes);
    return { bytes: bytes.subarray(0, length), compressed, fileLength };
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (!isForeignMember(error)) throw gzipError(error, file);
    const bytes = new Uint8Array(length);
    const { filled } = await inflateRange(file, 0, length, (chunk, at) => bytes.set(chunk, at));
    return { bytes: bytes.subarray(0, filled), compressed, fileLength };
  }
}

function gzipError(error: unknown, file: string): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'Z_BUF_ERROR')
    return new UserError(`${file}: truncated: the gzip data ends too early`, 1, { cause: error });
  if (code?.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE') {
    return new UserError(`${file}: the gzip data is damaged: copy or download the file again`, 1, { cause: error });
  }
  return fileError(error, file, 'read the volume');
}

/** What was noticed while bytes were read. */
export interface RangeRead {
  /** Bytes that are no gzip data follow the gzip data; they were left out. */
  readonly trailing: boolean;
}

/** Told while bytes are read: all up to `filled` are there. */
export type Progress = (filled: number) => void;

/**
 * Fills `target` with the bytes from position `start` of the (inflated) file. A gzip file is read to its end, so that its checksum
 * is verified.
 *
 * @throws UserError naming `file` when it is shorter, or damaged.
 */
export async function readRange(
  file: string,
  compressed: boolean,
  start: number,
  target: Uint8Array,
  onProgress: Progress = () => undefined,
): Promise<RangeRead> {
  const put: ChunkSink = (chunk, at) => {
    target.set(chunk, at);
    onProgress(at + chunk.length);
  };
  const { filled, trailing } = compressed
    ? await inflateRange(file, start, target.length, put)
    : { filled: await readInto(file, start, target, onProgress), trailing: false };
  checkFilled(file, filled, target.length);
  return { trailing };
}

/** Fills parts of `target`, which starts at `start` of a file that is not compressed; what the file does not have stays as it is. */
export async function readParts(
  file: string,
  start: number,
  target: Uint8Array,
  parts: Iterable<readonly [from: number, to: number]>,
  onPart: (from: number) => void,
): Promise<void> {
  for (const [from, to] of parts) {
    const filled = await readInto(file, start + from, target.subarray(from, to));
    if (filled === to - from) onPart(from);
  }
}

/** Takes a part of what is streamed: `at` counts bytes from the start of the range. The bytes are only lent. */
export type ChunkSink = (chunk: Uint8Array, at: number) => void;

/**
 * As {@link readRange}, for ranges that do not fit into memory: the bytes are handed to `sink` in order, in pieces.
 *
 * @throws UserError naming `file` when it is shorter, or damaged.
 */
export async function streamRange(
  file: string,
  compressed: boolean,
  start: number,
  length: number,
  sink: ChunkSink,
): Promise<RangeRead> {
  const { filled, trailing } = compressed
    ? await inflateRange(file, start, length, sink)
    : { filled: await readPieces(file, start, length, sink), trailing: false };
  checkFilled(file, filled, length);
  return { trailing };
}

function checkFilled(file: string, filled: number, length: number): void {
  if (filled < length) {
    throw new UserError(`${file}: truncated: ${length} bytes of voxels expected, ${filled} found`);
  }
}

async function readPieces(file: string, start: number, length: number, sink: ChunkSink): Promise<number> {
  const piece = new Uint8Array(Math.min(length, 1 << 23));
  let filled = 0;
  while (filled < length) {
    const wanted = piece.subarray(0, Math.min(piece.length, length - filled));
    const count = await readInto(file, start + filled, wanted);
    sink(wanted.subarray(0, count), filled);
    filled += count;
    if (count < wanted.length) break;
  }
  return filled;
}

async function readInto(
  file: string,
  start: number,
  target: Uint8Array,
  onProgress: Progress = () => undefined,
): Promise<number> {
  const CHUNK = 1 << 24;
  let filled = 0;
  try {
    const handle = await open(file, 'r');
    try {
      while (filled < target.length) {
        const count = Math.min(CHUNK, target.length - filled);
        const { bytesRead } = await handle.read(target, filled, count, start + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
        onProgress(filled);
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, file, 'read the volume');
  }
  return filled;
}

/** Inflates a file, or the first `end` bytes of it; tells how many bytes of the range it has. */
async function inflateUpTo(file: string, end: number, start: number, length: number, sink: ChunkSink): Promise<number> {
  const source = createReadStream(file, { highWaterMark: 1 << 20, end: end - 1 });
  const gunzip = createGunzip({ chunkSize: 1 << 20 });
  source.on('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  let position = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      const from = Math.max(start - position, 0);
      const to = Math.min(chunk.length, start + length - position);
      if (to > from) sink(chunk.subarray(from, to), position + from - start);
      position += chunk.length;
      if (position > start + length + MAX_TRAILING) break;
    }
  } finally {
    source.destroy();
  }
  return Math.min(Math.max(position - start, 0), length);
}

/** Bytes of a gzip file when it is inflated, counted up to `most`. @throws UserError naming `file` when it is damaged */
export async function inflatedLength(file: string, most: number): Promise<number> {
  return (await inflateRange(file, 0, most, () => undefined)).filled;
}

/** Inflates a range of a file. Bytes behind the gzip data that are something else are left out, as gzip itself does. */
async function inflateRange(
  file: string,
  start: number,
  length: number,
  sink: ChunkSink,
): Promise<RangeRead & { readonly filled: number }> {
  let given = 0;
  const once: ChunkSink = (chunk, at) => {
    const known = Math.max(0, given - at);
    if (known >= chunk.length) return;
    sink(chunk.subarray(known), at + known);
    given = at + chunk.length;
  };
  try {
    return { filled: await inflateUpTo(file, Infinity, start, length, once), trailing: false };
  } catch (error) {
    const end = isForeignMember(error) ? await membersEnd(file).catch(() => undefined) : undefined;
    if (end === undefined) throw gzipError(error, file);
    // What zlib had inflated of the last piece is lost with its error: once more, up to where the gzip data ends.
    return inflateUpTo(file, end, start, length, once).then(
      (filled) => ({ filled, trailing: true }),
      (again: unknown) => {
        throw gzipError(again, file);
      },
    );
  }
}

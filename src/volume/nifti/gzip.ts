import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { createInflateRaw } from 'node:zlib';

/** More than any header of a gzip member takes. */
const HEADER = 1 << 17;
const TRAILER = 8;
const MOST_MEMBERS = 100_000;
const [EXTRA, NAME, COMMENT, CHECKSUM] = [4, 8, 16, 2];

/** Whether an error of zlib tells of bytes that are no gzip member, where one should begin. */
export function isForeignMember(error: unknown): boolean {
  return /incorrect header check|unknown compression method|unknown header flags/.test((error as Error).message);
}

/** Length of the header of a gzip member (RFC 1952); undefined when it is none. */
function headerLength(bytes: Uint8Array): number | undefined {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8 || bytes.length < 10) return undefined;
  const flags = bytes[3]!;
  if (flags & 0xe0) return undefined;
  let at = 10;
  if (flags & EXTRA) at += 2 + bytes[at]! + 256 * bytes[at + 1]!;
  for (const text of [NAME, COMMENT]) if (flags & text) at = bytes.indexOf(0, at) + 1;
  if (flags & CHECKSUM) at += 2;
  return at > 9 && at <= bytes.length ? at : undefined;
}

/** Where the deflated data from byte `start` of a file ends; undefined when it is damaged or ends too early. */
async function deflateEnd(file: string, start: number): Promise<number | undefined> {
  const source = createReadStream(file, { start, highWaterMark: 1 << 16 });
  const inflate = createInflateRaw({ chunkSize: 1 << 18 });
  source.on('error', (error) => inflate.destroy(error));
  source.pipe(inflate);
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) void chunk;
    return start + inflate.bytesWritten;
  } catch {
    return undefined;
  } finally {
    source.destroy();
  }
}

async function startsMember(handle: FileHandle, at: number): Promise<number | undefined> {
  const bytes = Buffer.alloc(HEADER);
  const { bytesRead } = await handle.read(bytes, 0, HEADER, at);
  return headerLength(bytes.subarray(0, bytesRead));
}

/**
 * Where the gzip members at the start of a file end, and something else begins.
 *
 * @returns undefined when the file does not begin with a whole member
 */
export async function membersEnd(file: string): Promise<number | undefined> {
  const handle = await open(file, 'r');
  try {
    let end: number | undefined;
    // More members than any writer makes of a volume, each for nothing but the time that it takes.
    for (let members = 0; members < MOST_MEMBERS; members++) {
      const header = await startsMember(handle, end ?? 0);
      const data = header === undefined ? undefined : await deflateEnd(file, (end ?? 0) + header);
      if (data === undefined) return end;
      end = data + TRAILER;
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

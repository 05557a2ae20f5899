import { UserError } from '../../errors/userError';

const ITEM = 0xe000fffe;
const END = 0xe0ddfffe;

/** The compressed frames of a file: an item with offsets, then fragments (PS3.5 A.4). */
export function framesInFragments(bytes: Buffer, offset: number, frameCount: number, file: string): Buffer[] {
  const fragments: { readonly at: number; readonly data: Buffer }[] = [];
  let at = offset;
  for (;;) {
    if (at + 8 > bytes.length) {
      // Some writers leave out the end mark.
      if (fragments.length > frameCount) break;
      throw new UserError(`${file}: truncated: the compressed pixels end too early`);
    }
    const [tag, length] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    if (tag === END) break;
    if (tag !== ITEM) throw new UserError(`${file}: the compressed pixels are damaged`);
    if (at + 8 + length > bytes.length) throw new UserError(`${file}: truncated: the compressed pixels end too early`);
    fragments.push({ at, data: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length;
  }
  const [table, ...rest] = fragments;
  if (!table || rest.length === 0) throw new UserError(`${file}: truncated: it has no pixel data`);
  const frames = split(table.data, rest, frameCount);
  if (frames.length < frameCount)
    throw new UserError(`${file}: truncated: ${frameCount} frames expected, ${frames.length} found`);
  return frames;
}

interface Fragment {
  readonly at: number;
  readonly data: Buffer;
}

function split(table: Buffer, fragments: readonly Fragment[], frameCount: number): Buffer[] {
  const join = (parts: readonly Fragment[]): Buffer =>
    parts.length === 1 ? parts[0]!.data : Buffer.concat(parts.map(({ data }) => data));
  if (frameCount === 1) return [join(fragments)];
  if (fragments.length === frameCount) return fragments.map(({ data }) => data);
  const offsets = Array.from({ length: Math.floor(table.length / 4) }, (_, i) => table.readUInt32LE(4 * i));
  const first = fragments[0]!.at;
  const starts =
    offsets.length === frameCount
      ? offsets
      : // Each frame of JPEG and JPEG 2000 begins with its start mark.
        fragments
          .filter(({ data }) => data[0] === 0xff && (data[1] === 0xd8 || data[1] === 0x4f))
          .map(({ at: place }) => place - first);
  let next = 0;
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? Infinity;
    while (next < fragments.length && fragments[next]!.at - first < start) next += 1;
    const from = next;
    while (next < fragments.length && fragments[next]!.at - first < end) next += 1;
    return join(fragments.slice(from, next));
  });
}

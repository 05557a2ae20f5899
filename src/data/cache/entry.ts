import type { Volume } from '../../volume/types';

/**
 * Layout of a cache entry, little endian: 8 bytes magic, header length, checksum of the header, checksum of the voxels (uint32
 * each), 4 bytes zero, the header as JSON padded with spaces to a multiple of 64, then the voxels as float32.
 */
const MAGIC = Buffer.from('VOCOVOL1', 'latin1');
const FIXED = 24;
const ALIGN = 64;
const MAX_HEADER = 1 << 16;

interface Header {
  readonly key: string;
  readonly shape: [number, number, number, number];
  readonly affine: number[];
}

/** A 32-bit checksum over whole words; catches torn and flipped data at memory speed. */
export function checksum(words: Uint32Array): number {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  const even = words.length & ~1;
  for (let i = 0; i < even; i += 2) {
    a = Math.imul(a ^ words[i]!, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b ^ words[i + 1]!, 0x85ebca6b);
    b ^= b >>> 13;
  }
  if (even < words.length) a = Math.imul(a ^ words[even]!, 0x01000193);
  return (a ^ Math.imul(b, 0xc2b2ae35)) >>> 0;
}

function words(buffer: ArrayBufferLike, offset: number, bytes: number): Uint32Array {
  return new Uint32Array(buffer, offset, bytes / 4);
}

/** The head of an entry; the voxels follow it in the file. */
export function encodeHead(key: string, volume: Volume<Float32Array>): Uint8Array {
  const header: Header = { key, shape: [...volume.shape], affine: [...volume.affine] };
  const text = JSON.stringify(header);
  const padded = Math.ceil((FIXED + Buffer.byteLength(text)) / ALIGN) * ALIGN - FIXED;
  const head = new Uint8Array(FIXED + padded).fill(0x20);
  const view = new DataView(head.buffer);
  head.set(MAGIC);
  head.set(Buffer.from(text), FIXED);
  const { data } = volume;
  view.setUint32(8, padded, true);
  view.setUint32(12, checksum(words(head.buffer, FIXED, padded)), true);
  view.setUint32(16, checksum(words(data.buffer, data.byteOffset, data.byteLength)), true);
  view.setUint32(20, 0, true);
  return head;
}

/** Reads an entry; undefined when it is not whole, not an entry, or another volume's. The voxels are a view of `content`. */
export function decodeEntry(content: ArrayBuffer, key: string): Volume<Float32Array> | undefined {
  if (content.byteLength < FIXED || MAGIC.compare(new Uint8Array(content, 0, 8)) !== 0) return undefined;
  const view = new DataView(content);
  const length = view.getUint32(8, true);
  const start = FIXED + length;
  if (length % 4 !== 0 || length > MAX_HEADER || start > content.byteLength) return undefined;
  if (checksum(words(content, FIXED, length)) !== view.getUint32(12, true)) return undefined;
  const header = JSON.parse(Buffer.from(content, FIXED, length).toString()) as Header;
  const voxels = header.shape.reduce((product, n) => product * n, 1);
  if (header.key !== key || content.byteLength !== start + 4 * voxels) return undefined;
  if (checksum(words(content, start, 4 * voxels)) !== view.getUint32(16, true)) return undefined;
  return {
    data: new Float32Array(content, start, voxels),
    shape: header.shape,
    affine: Float64Array.from(header.affine),
  };
}

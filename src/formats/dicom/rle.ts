import { UserError } from '../../errors/userError';

/** Decodes a frame of DICOM's RLE (PS3.5 annex G): a byte plane a segment, the highest first. Gives little-endian numbers. */
export function decodeRle(frame: Buffer, pixels: number, bytesPerPixel: number, file: string): Buffer {
  const segments = frame.length >= 64 ? frame.readUInt32LE(0) : 0;
  if (segments !== bytesPerPixel)
    throw new UserError(`${file}: the RLE pixels are damaged: ${segments} segments for ${bytesPerPixel} bytes a pixel`);
  // Two bytes give 128 at most.
  if (pixels * bytesPerPixel > frame.length * 64)
    throw new UserError(`${file}: truncated: ${pixels} pixels expected, and the RLE data has ${frame.length} bytes`);
  const out = Buffer.alloc(pixels * bytesPerPixel);
  for (let segment = 0; segment < segments; segment++) {
    const start = frame.readUInt32LE(4 + 4 * segment);
    const end = segment + 1 < segments ? frame.readUInt32LE(8 + 4 * segment) : frame.length;
    const written = decodeSegment(frame.subarray(start, end), out, bytesPerPixel - 1 - segment, bytesPerPixel);
    if (written < pixels)
      throw new UserError(`${file}: truncated: ${pixels} pixels expected in the RLE data, ${written} found`);
  }
  return out;
}

/** PackBits into every n-th byte; returns how many were written. */
function decodeSegment(data: Buffer, out: Buffer, offset: number, step: number): number {
  let to = offset;
  for (let at = 0; at < data.length && to < out.length;) {
    const control = data.readInt8(at++);
    if (control >= 0) {
      for (let i = 0; i <= control && at < data.length && to < out.length; i++, to += step) out[to] = data[at++]!;
    } else if (control !== -128 && at < data.length) {
      const value = data[at++]!;
      for (let i = 0; i <= -control && to < out.length; i++, to += step) out[to] = value;
    }
  }
  return (to - offset) / step;
}

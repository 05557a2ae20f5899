import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../errors/userError';

/** A frame as a codec gives it. */
export interface Decoded {
  /** Little-endian numbers. */
  readonly bytes: Uint8Array;
  readonly bytesPerPixel: number;
  /** Of the numbers in the code stream. */
  readonly bits: number;
}

interface WasmDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): { width: number; height: number; bitsPerSample: number; componentCount: number };
  delete(): void;
}

type Loaded = Record<string, new () => WasmDecoder>;
type Factory = (options: { wasmBinary: Uint8Array }) => Promise<Loaded>;

interface Codec {
  /** Its WebAssembly file: beside the bundles in `wasm`, or in node_modules of a checkout. */
  readonly binary: string;
  readonly folder: string;
  readonly decoder: string;
  load(): Promise<{ default: unknown }>;
}

const CODECS = {
  jpegls: {
    binary: 'charlswasm_decode.wasm',
    folder: '@cornerstonejs/codec-charls',
    decoder: 'JpegLSDecoder',
    load: () => import('@cornerstonejs/codec-charls/decodewasmjs'),
  },
  jpeg2000: {
    binary: 'openjpegwasm_decode.wasm',
    folder: '@cornerstonejs/codec-openjpeg',
    decoder: 'J2KDecoder',
    load: () => import('@cornerstonejs/codec-openjpeg/decodewasmjs'),
  },
  jpeg: {
    binary: 'libjpegturbowasm_decode.wasm',
    folder: '@cornerstonejs/codec-libjpeg-turbo-8bit',
    decoder: 'JPEGDecoder',
    load: () => import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs'),
  },
} satisfies Record<string, Codec>;

const loaded = new Map<string, Promise<Loaded>>();

function binaryFile({ binary, folder }: Codec): string {
  for (let here = dirname(fileURLToPath(import.meta.url)); ; here = dirname(here)) {
    const places = [join(here, 'wasm', binary), join(here, 'node_modules', folder, 'dist', binary)];
    const found = places.find(existsSync);
    if (found) return found;
    if (here === dirname(here))
      throw new UserError(`${binary} is missing from the installation: install the extension again`);
  }
}

async function start(codec: Codec): Promise<Loaded> {
  const [{ default: factory }, wasmBinary] = await Promise.all([codec.load(), readFile(binaryFile(codec))]);
  return (factory as Factory)({ wasmBinary });
}

async function decodeWith(name: keyof typeof CODECS, frame: Uint8Array): Promise<Decoded> {
  const codec: Codec = CODECS[name];
  const module = loaded.get(name) ?? start(codec);
  loaded.set(name, module);
  const decoder = new (await module)[codec.decoder]!();
  try {
    decoder.getEncodedBuffer(frame.length).set(frame);
    decoder.decode();
    const { bitsPerSample, componentCount } = decoder.getFrameInfo();
    if (componentCount !== 1) throw new Error(`${componentCount} numbers a pixel`);
    return {
      bytes: Uint8Array.from(decoder.getDecodedBuffer()),
      bytesPerPixel: bitsPerSample > 8 ? 2 : 1,
      bits: bitsPerSample,
    };
  } finally {
    decoder.delete();
  }
}

async function decodeLossless(frame: Buffer): Promise<Decoded> {
  const { Decoder } = await import('jpeg-lossless-decoder-js');
  const decoder = new Decoder();
  const copy = Uint8Array.from(frame);
  const decoded = decoder.decode(copy.buffer, 0, copy.length) as Uint8Array | Uint16Array;
  return {
    bytes: new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength),
    bytesPerPixel: decoded.BYTES_PER_ELEMENT,
    bits: decoder.frame.precision,
  };
}

/** Size of a picture, in pixels. */
export interface PictureSize {
  readonly rows: number;
  readonly columns: number;
}

/** What the start-of-frame mark of a JPEG or JPEG-LS code stream says; the mark is 0 where there is none. */
function jpegKind(frame: Uint8Array): { marker: number; bits: number } & PictureSize {
  for (let at = 2; at + 9 < frame.length;) {
    if (frame[at] !== 0xff) {
      at += 1;
      continue;
    }
    const marker = frame[at + 1]!;
    if ((marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === JPEG_LS_START) {
      const word = (place: number): number => (frame[at + place]! << 8) + frame[at + place + 1]!;
      return { marker, bits: frame[at + 4]!, rows: word(5), columns: word(7) };
    }
    at += marker === 0xff ? 1 : marker >= 0xd0 && marker <= 0xd9 ? 2 : 2 + (frame[at + 2]! << 8) + frame[at + 3]!;
  }
  return { marker: 0, bits: 0, rows: 0, columns: 0 };
}

const JPEG_2000_START = Buffer.from([0xff, 0x4f, 0xff, 0x51]);
const JP2_SIGNATURE = Buffer.from('0000000c6a5020200d0a870a', 'hex');

/** Whether a frame is a code stream of JPEG 2000, bare as DICOM wants it or in the boxes of a JP2 file, as some devices write it. */
const isJpeg2000 = (frame: Buffer): boolean =>
  [JPEG_2000_START.subarray(0, 2), JP2_SIGNATURE].some((start) => frame.subarray(0, start.length).equals(start));

/** The size that a code stream of JPEG 2000 says (its SIZ segment, which comes first). */
function jpeg2000Size(frame: Buffer): PictureSize {
  const start = frame.indexOf(JPEG_2000_START);
  const known = start >= 0 && frame.length >= start + 24;
  const word = (at: number): number => (known ? frame.readUInt32BE(start + at) : 0);
  return { columns: word(8) - word(16), rows: word(12) - word(20) };
}

/** Pictures beyond are none of a scanner: decoders take a multiple of it in memory. */
const MOST_PIXELS = 1 << 28;

/** Refuses a code stream that is larger than its file says, before a decoder makes room for it. */
function checkSize(frame: Buffer, { rows, columns }: PictureSize, file: string): void {
  const stream = isJpeg2000(frame) ? jpeg2000Size(frame) : jpegKind(frame);
  if (stream.rows * stream.columns > rows * columns)
    throw new UserError(
      `${file}: its compressed pixels are ${stream.columns}×${stream.rows}, and its header says ${columns}×${rows}: it is damaged`,
    );
  if (rows * columns > MOST_PIXELS)
    throw new UserError(
      `${file}: the header claims ${columns}×${rows} compressed pixels in one picture: it is damaged`,
    );
}

const JPEG_LS_START = 0xf7;
const PREFIX = '1.2.840.10008.1.2.4.';

/** The decoder of a transfer syntax; undefined for one that is not known. The frame itself tells which JPEG it is. */
function decoderOf(transferSyntax: string, frame: Buffer): (() => Promise<Decoded>) | undefined {
  if (!transferSyntax.startsWith(PREFIX)) return undefined;
  const number = Number(transferSyntax.slice(PREFIX.length));
  if (number >= 50 && number <= 70) {
    const { marker, bits } = jpegKind(frame);
    if (marker === 0xc3) return () => decodeLossless(frame);
    if (bits === 8) return () => decodeWith('jpeg', frame);
    return undefined;
  }
  if (number === 80 || number === 81) return () => decodeWith('jpegls', frame);
  if ([90, 91, 201, 202, 203].includes(number)) return () => decodeWith('jpeg2000', frame);
  return undefined;
}

/**
 * @param size of the picture by the file's header
 * @throws UserError naming `file` for a compression that cannot be read, and for damaged data
 */
export async function decodeCompressed(
  transferSyntax: string,
  name: string,
  frame: Buffer,
  file: string,
  size: PictureSize,
): Promise<Decoded> {
  checkSize(frame, size, file);
  const decode = decoderOf(transferSyntax, frame);
  if (!decode)
    throw new UserError(
      `${file}: pixels compressed as ${name} cannot be read: decompress the file first (gdcmconv --raw)`,
    );
  try {
    return await decode();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file}: truncated or damaged: its ${name} pixels cannot be decoded`, 1, { cause: error });
  }
}

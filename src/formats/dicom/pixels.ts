import { createHash } from 'node:crypto';
import { UserError } from '../../errors/userError';
import { checkMemory } from '../../files/memory';
import { readBytes } from '../fileBytes';
import { bytesOf, decodeNumbers, newVoxels } from '../numbers';
import type { VoxelType, Voxels } from '../types';
import { decodeCompressed, type Decoded } from './codecs';
import { parseDicom } from './dataset';
import { framesInFragments } from './fragments';
import { syntaxName } from './objects';
import { decodeRle } from './rle';
import { sizeOf, type FileInfo, type Image } from './types';

const RLE = '1.2.840.10008.1.2.5';

/** The type of a file's stored numbers. @throws UserError naming it when they are of no kind that is read */
export function storedType(file: FileInfo): VoxelType {
  if (file.pixels?.kind === 'float') return 'float32';
  if (file.pixels?.kind === 'double') return 'float64';
  const { bitsAllocated, signed } = file;
  if (bitsAllocated === 8) return signed ? 'int8' : 'uint8';
  if (bitsAllocated === 16) return signed ? 'int16' : 'uint16';
  if (bitsAllocated === 32) return signed ? 'int32' : 'uint32';
  throw new UserError(`${file.path}: pixels of ${bitsAllocated} bits cannot be read; 8, 16 and 32 can`);
}

/** The frames of a file, each decoded when it is asked for. */
export class FrameReader {
  private fragments?: Promise<Buffer[]>;
  private unpacked?: Promise<Buffer>;

  constructor(private readonly file: FileInfo) {}

  /** The bytes of a frame as they are stored. */
  async stored(index: number): Promise<Buffer> {
    const { path, pixels, frameCount, deflated } = this.file;
    if (!pixels) throw new UserError(`${path}: has no pixel data`);
    if (pixels.length === undefined) {
      this.fragments ??= readBytes(path, pixels.offset).then((bytes) => framesInFragments(bytes, 0, frameCount, path));
      return (await this.fragments)[index]!;
    }
    const length = this.nativeLength();
    if (deflated) {
      this.unpacked ??= readBytes(path).then((bytes) => unpack(bytes));
      return (await this.unpacked).subarray(pixels.offset + index * length, pixels.offset + (index + 1) * length);
    }
    return readBytes(path, pixels.offset + index * length, length);
  }

  private nativeLength(): number {
    const { rows, columns } = this.file;
    return rows * columns * bytesOf(storedType(this.file));
  }

  /** The stored numbers of a frame. */
  async numbers(index: number): Promise<Voxels> {
    const { path, pixels, transferSyntax, rows, columns, bigEndian } = this.file;
    const type = storedType(this.file);
    const bytes = await this.stored(index);
    const count = rows * columns;
    if (pixels!.length === undefined) {
      const decoded: Decoded =
        transferSyntax === RLE
          ? { bytes: decodeRle(bytes, count, bytesOf(type), path), bytesPerPixel: bytesOf(type), bits: 0 }
          : await decodeCompressed(transferSyntax, syntaxName(transferSyntax), bytes, path, this.file);
      if (decoded.bytes.length < count * decoded.bytesPerPixel)
        throw new UserError(`${path}: truncated or damaged: its compressed pixels are fewer than ${columns}×${rows}`);
      return fromCodec(decoded, this.file, type, count);
    }
    if (bytes.length < this.nativeLength())
      throw new UserError(`${path}: truncated: ${this.nativeLength()} bytes of pixels expected, ${bytes.length} found`);
    // Words of 16 bits are swapped as a whole, though each holds two pixels.
    if (bigEndian && bytesOf(type) === 1 && pixels!.vr === 'OW' && bytes.length % 2 === 0) bytes.swap16();
    return withoutUnusedBits(decodeNumbers(bytes, type, !bigEndian, path), this.file);
  }
}

/** The data set of a deflated file. */
function unpack(bytes: Buffer): Buffer {
  return parseDicom(bytes, true).bytes;
}

/** What a codec gives as the file's type: the bits of the code stream, with their sign. */
function fromCodec({ bytes, bytesPerPixel, bits }: Decoded, file: FileInfo, type: VoxelType, count: number): Voxels {
  const raw = decodeNumbers(
    bytes.subarray(0, count * bytesPerPixel),
    ({ 1: 'uint8', 2: 'uint16', 4: 'uint32' } as const)[bytesPerPixel as 1 | 2 | 4],
    true,
    file.path,
  );
  if (bits === 0) return withoutUnusedBits(cast(raw, type), file);
  const out = newVoxels(type, count);
  const shift = 32 - Math.min(8 * bytesPerPixel, Math.max(bits, file.bitsStored));
  for (let i = 0; i < count; i++) out[i] = file.signed ? (raw[i]! << shift) >> shift : raw[i]!;
  return out;
}

/** The same bits as another type of the same size. */
function cast(raw: Voxels, type: VoxelType): Voxels {
  const model = newVoxels(type, 0);
  const Type = model.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => Voxels;
  return new Type(raw.buffer as ArrayBuffer, raw.byteOffset, raw.length);
}

/** Bits beside the stored ones may hold anything, such as overlays; the sign is the highest stored bit. */
function withoutUnusedBits(values: Voxels, file: FileInfo): Voxels {
  const { bitsAllocated, bitsStored, highBit, signed } = file;
  if (values instanceof Float32Array || values instanceof Float64Array) return values;
  if (bitsStored >= bitsAllocated || bitsStored < 1) return values;
  const low = Math.min(Math.max(0, highBit + 1 - bitsStored), bitsAllocated - bitsStored);
  const [left, right] = [32 - bitsStored - low, 32 - bitsStored];
  for (let i = 0; i < values.length; i++) {
    const moved = values[i]! << left;
    values[i] = signed ? moved >> right : moved >>> right;
  }
  return values;
}

/** The part of a large picture that is one slice. */
function tileOf(values: Voxels, image: Image): Voxels {
  const { tile, file } = image;
  if (!tile) return values;
  const out = newVoxels(storedType(file), tile.columns * tile.rows);
  for (let y = 0; y < tile.rows; y++) {
    const from = (tile.y + y) * file.columns + tile.x;
    out.set(values.subarray(from, from + tile.columns), y * tile.columns);
  }
  return out;
}

/** A short text that is the same for the same stored pixels. @param reader of the image's file */
export async function pixelDigest(image: Image, reader = new FrameReader(image.file)): Promise<string> {
  if (image.file.problem) return `${image.file.path}#${image.index}`;
  const bytes = await reader.stored(image.tile ? 0 : image.index);
  const { tile } = image;
  return createHash('sha256')
    .update(`${image.slope} ${image.intercept} ${tile ? `${tile.x},${tile.y}` : ''}`)
    .update(bytes)
    .digest('hex');
}

/** How the numbers of several images become those of one volume. */
export interface Scale {
  readonly type: VoxelType;
  readonly slope: number;
  readonly intercept: number;
  /** Whether each image's own slope and intercept is applied, since they differ. */
  readonly applied: boolean;
}

const LIMITS: readonly (readonly [VoxelType, number, number])[] = [
  ['uint8', 0, 255],
  ['int8', -128, 127],
  ['int16', -32768, 32767],
  ['uint16', 0, 65535],
  ['int32', -(2 ** 31), 2 ** 31 - 1],
  ['uint32', 0, 2 ** 32 - 1],
];

/** The type that holds the numbers of all images. */
export function scaleOf(images: readonly Image[]): Scale {
  const [first] = images;
  const { slope, intercept } = first!;
  const same = images.every((image) => image.slope === slope && image.intercept === intercept);
  if (!same) return { type: 'float32', slope: 1, intercept: 0, applied: true };
  const types = [...new Set(images.map(({ file }) => storedType(file)))];
  if (types.length === 1) return { type: types[0]!, slope, intercept, applied: false };
  const limits = types.map((type) => LIMITS.find(([name]) => name === type));
  const low = Math.min(...limits.map((limit) => limit?.[1] ?? -Infinity));
  const high = Math.max(...limits.map((limit) => limit?.[2] ?? Infinity));
  const type = LIMITS.find(([, least, most]) => least <= low && most >= high)?.[0] ?? 'float64';
  return { type, slope, intercept, applied: false };
}

/** The numbers of images, one after the other. Each file is read once. @throws UserError naming the file */
export async function readImages(images: readonly Image[], scale: Scale): Promise<Voxels> {
  const [columns, rows] = sizeOf(images[0]!);
  const length = columns * rows;
  checkMemory(
    length * images.length * bytesOf(scale.type),
    images[0]!.file.path,
    `the ${images.length} images of ${columns}×${rows} pixels of its volume would`,
  );
  const out = newVoxels(scale.type, length * images.length);
  const places = images.map((image, place) => ({ image, place }));
  places.sort((a, b) =>
    a.image.file.path < b.image.file.path
      ? -1
      : a.image.file.path > b.image.file.path
        ? 1
        : a.image.index - b.image.index,
  );
  let reader: FrameReader | undefined;
  let [current, picture]: [FileInfo | undefined, Voxels | undefined] = [undefined, undefined];
  for (const { image, place } of places) {
    if (image.file !== current) {
      [reader, current, picture] = [new FrameReader(image.file), image.file, undefined];
    }
    const values: Voxels = image.tile && picture ? picture : await reader!.numbers(image.index);
    picture = values;
    const slice = tileOf(values, image);
    if (scale.applied)
      for (let i = 0; i < length; i++) out[place * length + i] = slice[i]! * image.slope + image.intercept;
    else out.set(slice, place * length);
  }
  return out;
}

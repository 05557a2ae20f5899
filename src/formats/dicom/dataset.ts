import dicomParser, { type DataSet } from 'dicom-parser';
import { constants as bufferConstants } from 'node:buffer';
import { inflateRawSync } from 'node:zlib';
import { availableMemory } from '../../files/memory';
import { MAX_GZIP_RATIO } from '../fileBytes';
import { decodeText } from './charset';

/** Missing from the package's types. */
const { DataSet: DataSetClass } = dicomParser as unknown as {
  DataSet: new (parser: unknown, bytes: Uint8Array, elements: DataSet['elements']) => DataSet;
};

/** Where a file's pixels are. */
export interface PixelData {
  /** Of the value, in {@link Parsed.bytes}. */
  readonly offset: number;
  /** Of the value; undefined when it is in fragments (compressed). */
  readonly length: number | undefined;
  readonly vr: string | undefined;
  /** `float`: 32-bit, `double`: 64-bit numbers of a parametric map. */
  readonly kind: 'integer' | 'float' | 'double';
}

/** A DICOM file up to its pixels. */
export interface Parsed {
  readonly data: Tags;
  readonly transferSyntax: string;
  readonly bigEndian: boolean;
  /** The file's bytes, or what a deflated file unpacks to. */
  readonly bytes: Buffer;
  readonly deflated: boolean;
  readonly pixels: PixelData | undefined;
}

/** The bytes end before the pixels (or the end of the file, where there are none) were reached. */
export class NeedsMore extends Error {}

const LITTLE_IMPLICIT = '1.2.840.10008.1.2';
export const LITTLE_EXPLICIT = '1.2.840.10008.1.2.1';
const DEFLATED = '1.2.840.10008.1.2.1.99';
const BIG_EXPLICIT = '1.2.840.10008.1.2.2';
/** GE's: implicit, little endian, but for the pixels. */
const GE_BIG_PIXELS = '1.2.840.113619.5.2';

const LONG_VRS = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'UC', 'UR', 'UT', 'UN', 'SV', 'UV']);

/** The tag of an element as `group, element`. */
type Tag = string;

/** The elements of a data set, or of an item of a sequence. */
export class Tags {
  constructor(
    private readonly set: DataSet,
    private readonly charset: string | undefined,
  ) {}

  has(tag: Tag): boolean {
    const element = this.set.elements[tag];
    return element !== undefined && (element.length > 0 || (element.items?.length ?? 0) > 0);
  }

  /** All tags. */
  get tags(): string[] {
    return Object.keys(this.set.elements);
  }

  /** The text of an element without padding, '' when it is absent. */
  text(tag: Tag): string {
    const element = this.set.elements[tag];
    if (!element || element.length <= 0) return '';
    const { byteArray } = this.set;
    const end = Math.min(element.dataOffset + element.length, byteArray.length);
    return decodeText(byteArray.subarray(element.dataOffset, end) as Buffer, this.charset);
  }

  /** The values of a text element. */
  texts(tag: Tag): string[] {
    const text = this.text(tag);
    return text === '' ? [] : text.split('\\').map((part) => part.trim());
  }

  /** Numbers written as text (DS, IS), also where a comma stands for the point. */
  numbers(tag: Tag): number[] {
    const found = this.texts(tag).map((part) => (part === '' ? Number.NaN : Number(part.replace(',', '.'))));
    return found.every(Number.isFinite) ? found : [];
  }

  number(tag: Tag): number | undefined {
    return this.numbers(tag)[0];
  }

  /** An unsigned 16-bit number (US). */
  short(tag: Tag): number | undefined {
    return (this.set.elements[tag]?.length ?? 0) >= 2 ? this.set.uint16(tag) : undefined;
  }

  /** A double (FD). */
  doubles(tag: Tag): number[] {
    const length = Math.floor((this.set.elements[tag]?.length ?? 0) / 8);
    return Array.from({ length }, (_, i) => this.set.double(tag, i)!);
  }

  /** Unsigned 32-bit numbers (UL). */
  longs(tag: Tag): number[] {
    const length = Math.floor((this.set.elements[tag]?.length ?? 0) / 4);
    return Array.from({ length }, (_, i) => this.set.uint32(tag, i)!);
  }

  /** The value's bytes. */
  bytes(tag: Tag): Uint8Array | undefined {
    const element = this.set.elements[tag];
    return element && element.length > 0
      ? this.set.byteArray.subarray(element.dataOffset, element.dataOffset + element.length)
      : undefined;
  }

  /** The items of a sequence. */
  items(tag: Tag): Tags[] {
    return (this.set.elements[tag]?.items ?? []).flatMap(({ dataSet }) =>
      dataSet ? [new Tags(dataSet, this.charset)] : [],
    );
  }
}

interface Start {
  readonly at: number;
  readonly transferSyntax: string | undefined;
}

/** The file meta information: group 2, always explicit and little endian. */
function readMeta(bytes: Buffer): Start {
  let at = bytes.toString('latin1', 128, 132) === 'DICM' ? 132 : 0;
  let transferSyntax: string | undefined;
  while (at + 8 <= bytes.length && bytes.readUInt16LE(at) === 2) {
    const element = bytes.readUInt16LE(at + 2);
    const long = LONG_VRS.has(bytes.toString('latin1', at + 4, at + 6));
    if (long && at + 12 > bytes.length) throw new NeedsMore();
    const length = long ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6);
    const value = at + (long ? 12 : 8);
    if (value + length > bytes.length) throw new NeedsMore();
    if (element === 0x10) transferSyntax = bytes.toString('latin1', value, value + length).replace(/[\0 ]+$/, '');
    at = value + length;
  }
  if (at + 8 > bytes.length) throw new NeedsMore();
  return { at, transferSyntax };
}

const PIXELS = { x7fe00010: 'integer', x7fe00008: 'float', x7fe00009: 'double' } as const;

/** What a deflated file may unpack to: it does not say so itself, and is held twice for a moment. */
const mostInflated = (bytes: Buffer): number =>
  Math.floor(
    Math.min(bufferConstants.MAX_LENGTH, bytes.length * MAX_GZIP_RATIO, Math.max(1 << 24, availableMemory() / 2)),
  );

/**
 * Parses a file up to its pixels, with or without preamble and meta information.
 *
 * @param bytes its first bytes, or all
 * @param whole whether these are all
 * @throws NeedsMore when the bytes do not reach the pixels; an Error for what is no DICOM
 */
export function parseDicom(bytes: Buffer, whole: boolean): Parsed {
  const { at, transferSyntax } = readMeta(bytes);
  if (transferSyntax === DEFLATED) {
    if (!whole) throw new NeedsMore();
    return parseFrom(
      inflateRawSync(bytes.subarray(at), { maxOutputLength: mostInflated(bytes) }),
      0,
      LITTLE_EXPLICIT,
      true,
      true,
    );
  }
  return parseFrom(bytes, at, transferSyntax, whole, false);
}

function parseFrom(bytes: Buffer, at: number, syntax: string | undefined, whole: boolean, deflated: boolean): Parsed {
  // What the file does decides, not what it says: some say explicit and are implicit.
  const explicit = /^[A-Z]{2}$/.test(bytes.toString('latin1', at + 4, at + 6));
  const bigEndian = syntax === BIG_EXPLICIT || (syntax === undefined && bytes[at] === 0 && bytes[at + 1]! > 0);
  const parser = bigEndian ? dicomParser.bigEndianByteArrayParser : dicomParser.littleEndianByteArrayParser;
  const stream = new dicomParser.ByteStream(parser, bytes, at);
  const set = new DataSetClass(parser, bytes, {});
  try {
    const options = { untilTag: 'x7fe00010' };
    if (explicit) dicomParser.parseDicomDataSetExplicit(set, stream, bytes.length, options);
    else dicomParser.parseDicomDataSetImplicit(set, stream, bytes.length, options);
  } catch (error) {
    if (!whole) throw new NeedsMore();
    throw new Error(typeof error === 'string' ? error : ((error as { exception?: string }).exception ?? String(error)));
  }
  const charset = set.string('x00080005');
  const found = (Object.keys(PIXELS) as (keyof typeof PIXELS)[]).find((tag) => set.elements[tag]);
  if (!found && !whole) throw new NeedsMore();
  const element = found && set.elements[found]!;
  return {
    data: new Tags(set, charset),
    transferSyntax: syntax ?? (explicit ? (bigEndian ? BIG_EXPLICIT : LITTLE_EXPLICIT) : LITTLE_IMPLICIT),
    bigEndian: bigEndian || syntax === GE_BIG_PIXELS,
    bytes,
    deflated,
    pixels: element && {
      offset: element.dataOffset,
      length: element.hadUndefinedLength || element.length === 0xffffffff ? undefined : element.length,
      vr: element.vr,
      kind: PIXELS[found],
    },
  };
}

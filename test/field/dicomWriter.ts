import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { deflateRawSync } from 'node:zlib';

/** An element: its tag, value representation and value; an item of a sequence is a list of elements. */
export type Element = readonly [tag: number, vr: string, value: string | number | Uint8Array | readonly Element[][]];

export interface Style {
  readonly implicit?: boolean;
  readonly big?: boolean;
  readonly deflated?: boolean;
  /** Without preamble and meta information. */
  readonly bare?: boolean;
}

const LONG = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);

function valueBytes(vr: string, value: Element[2], style: Style): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'latin1');
    return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(vr === 'UL' ? 4 : 2);
    if (style.big) bytes.writeUIntBE(value, 0, bytes.length);
    else bytes.writeUIntLE(value, 0, bytes.length);
    return bytes;
  }
  if (value instanceof Uint8Array) return Buffer.from(value);
  return Buffer.concat(
    value.map((item) => {
      const body = encode(item, style);
      const head = Buffer.alloc(8);
      write16(head, 0xfffe, 0, style);
      write16(head, 0xe000, 2, style);
      write32(head, body.length, 4, style);
      return Buffer.concat([head, body]);
    }),
  );
}

const write16 = (bytes: Buffer, value: number, at: number, { big }: Style): unknown =>
  big ? bytes.writeUInt16BE(value, at) : bytes.writeUInt16LE(value, at);
const write32 = (bytes: Buffer, value: number, at: number, { big }: Style): unknown =>
  big ? bytes.writeUInt32BE(value, at) : bytes.writeUInt32LE(value, at);

function encode(elements: readonly Element[], style: Style): Buffer {
  const parts = [...elements]
    .sort(([a], [b]) => a - b)
    .map(([tag, vr, value]) => {
      const body = valueBytes(vr, value, style);
      const long = !style.implicit && LONG.has(vr);
      const head = Buffer.alloc(long ? 12 : 8);
      write16(head, tag >>> 16, 0, style);
      write16(head, tag & 0xffff, 2, style);
      if (style.implicit) write32(head, body.length, 4, style);
      else {
        head.write(vr, 4, 'latin1');
        if (long) write32(head, body.length, 8, style);
        else write16(head, body.length, 6, style);
      }
      return Buffer.concat([head, body]);
    });
  return Buffer.concat(parts);
}

/** Writes a DICOM file; later elements replace earlier ones of the same tag. */
export function writeDicom(file: string, elements: readonly Element[], style: Style = {}): string {
  const unique = [...new Map(elements.map((element) => [element[0], element])).values()];
  const body = encode(unique, style);
  const tail = style.deflated ? '.1.99' : style.big ? '.2' : style.implicit ? '' : '.1';
  const meta = encode([[0x00020010, 'UI', `1.2.840.10008.1.2${tail}`]], {});
  const data = style.deflated ? deflateRawSync(body) : body;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, style.bare ? data : Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), meta, data]));
  return file;
}

export interface SliceOptions {
  readonly series?: string;
  readonly number?: number;
  readonly description?: string;
  readonly position: readonly number[];
  readonly orientation?: string;
  readonly instance?: number;
  readonly pixels: Int16Array;
  readonly columns: number;
}

const CT = '1.2.840.10008.5.1.4.1.1.2';
let uids = 0;

/** Elements of an image of int16 with pixels of 0.75 (between columns) by 1.5 mm. */
export function slice(options: SliceOptions): Element[] {
  const { series = '1.2.3.4', number = 1, description = 'Made', position, orientation = '1\\0\\0\\0\\1\\0' } = options;
  const { pixels, columns, instance = 1 } = options;
  return [
    [0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'],
    [0x00080016, 'UI', CT],
    [0x00080018, 'UI', `1.2.9.${++uids}`],
    [0x00080020, 'DA', '20240131'],
    [0x00080060, 'CS', 'CT'],
    [0x0008103e, 'LO', description],
    [0x00100010, 'PN', 'Doe^Jane'],
    [0x00100020, 'LO', 'ID-4711'],
    [0x00180050, 'DS', '2'],
    [0x0020000d, 'UI', '1.2.3'],
    [0x0020000e, 'UI', series],
    [0x00200011, 'IS', String(number)],
    [0x00200013, 'IS', String(instance)],
    [0x00200032, 'DS', position.join('\\')],
    [0x00200037, 'DS', orientation],
    [0x00280002, 'US', 1],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280010, 'US', pixels.length / columns],
    [0x00280011, 'US', columns],
    [0x00280030, 'DS', '1.5\\0.75'],
    [0x00280100, 'US', 16],
    [0x00280101, 'US', 16],
    [0x00280102, 'US', 15],
    [0x00280103, 'US', 1],
    [0x7fe00010, 'OW', new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength)],
  ];
}

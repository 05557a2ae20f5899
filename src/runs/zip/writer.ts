import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { FULL16, FULL32, ZIP } from './format';

/** PyTorch maps storages into memory where they begin at a multiple of this. */
const ALIGNMENT = 64;
const VERSION_ZIP64 = 45;
const UTF8_NAMES = 1 << 11;
/** 1 January 1980: the earliest that zip can say, so that equal content gives equal files. */
const DATE = 0x21;
const PADDING_ID = 0x4246;
const CHUNK_BYTES = 1 << 26;
/** Content that is written together with its header. */
const SMALL_BYTES = 1 << 16;

interface Written {
  readonly name: Uint8Array;
  readonly crc: number;
  readonly bytes: number;
  readonly offset: number;
}

function record(size: number, fields: readonly (readonly [at: number, bytes: 2 | 4 | 8, value: number])[]): Uint8Array {
  const result = new Uint8Array(size);
  const view = new DataView(result.buffer);
  for (const [at, bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
  }
  return result;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

const clip32 = (value: number): number => Math.min(value, FULL32);

/** Writes a zip file of stored entries in order, with zip64 records where sizes or offsets need them. */
export class ZipWriter {
  private readonly entries: Written[] = [];

  /** @param position where in the file it begins */
  constructor(
    private readonly handle: FileHandle,
    private position = 0,
  ) {}

  private async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const length = Math.min(CHUNK_BYTES, bytes.length - at);
      const { bytesWritten } = await this.handle.write(bytes, at, length, this.position + at);
      at += bytesWritten;
    }
    this.position += bytes.length;
  }

  /** Adds an entry whose content begins at a multiple of 64 bytes. */
  async add(name: string, content: Uint8Array): Promise<void> {
    const entry = {
      name: new TextEncoder().encode(name),
      crc: crc32(content),
      bytes: content.length,
      offset: this.position,
    };
    const extra = this.localExtra(entry);
    const size = clip32(entry.bytes);
    const header = record(ZIP.localBytes, [
      [0, 4, ZIP.local],
      [4, 2, VERSION_ZIP64],
      [6, 2, UTF8_NAMES],
      [12, 2, DATE],
      [14, 4, entry.crc],
      [18, 4, size],
      [22, 4, size],
      [26, 2, entry.name.length],
      [28, 2, extra.length],
    ]);
    const head = joined([header, entry.name, extra]);
    if (content.length < SMALL_BYTES) await this.write(joined([head, content]));
    else {
      await this.write(head);
      await this.write(content);
    }
    this.entries.push(entry);
  }

  private localExtra({ name, bytes, offset }: Written): Uint8Array {
    const sizes =
      bytes < FULL32
        ? new Uint8Array(0)
        : record(20, [
            [0, 2, ZIP.extra64],
            [2, 2, 16],
            [4, 8, bytes],
            [12, 8, bytes],
          ]);
    const start = offset + ZIP.localBytes + name.length + sizes.length + 4;
    const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT;
    const filler = record(4 + padding, [
      [0, 2, PADDING_ID],
      [2, 2, padding],
    ]);
    return joined([sizes, filler]);
  }

  private central(entry: Written): Uint8Array {
    const { name, crc, bytes, offset } = entry;
    const large = [...(bytes < FULL32 ? [] : [bytes, bytes]), ...(offset < FULL32 ? [] : [offset])];
    const values = large.map((value, i): [number, 8, number] => [4 + 8 * i, 8, value]);
    const extra =
      large.length > 0 ? record(4 + 8 * large.length, [[0, 2, ZIP.extra64], [2, 2, 8 * large.length], ...values]) : [];
    const header = record(ZIP.centralBytes, [
      [0, 4, ZIP.central],
      [4, 2, VERSION_ZIP64],
      [6, 2, VERSION_ZIP64],
      [8, 2, UTF8_NAMES],
      [14, 2, DATE],
      [16, 4, crc],
      [20, 4, clip32(bytes)],
      [24, 4, clip32(bytes)],
      [28, 2, name.length],
      [30, 2, extra.length],
      [42, 4, clip32(offset)],
    ]);
    return joined([header, name, Uint8Array.from(extra)]);
  }

  /** Writes the directory; nothing may be added afterwards. */
  async finish(): Promise<void> {
    const offset = this.position;
    await this.write(joined(this.entries.map((entry) => this.central(entry))));
    const bytes = this.position - offset;
    const count = this.entries.length;
    if (offset >= FULL32 || bytes >= FULL32 || count >= FULL16) await this.finish64(offset, bytes, count);
    await this.write(
      record(ZIP.endBytes, [
        [0, 4, ZIP.end],
        [8, 2, Math.min(count, FULL16)],
        [10, 2, Math.min(count, FULL16)],
        [12, 4, clip32(bytes)],
        [16, 4, clip32(offset)],
      ]),
    );
  }

  private async finish64(offset: number, bytes: number, count: number): Promise<void> {
    const end = this.position;
    await this.write(
      record(ZIP.end64Bytes, [
        [0, 4, ZIP.end64],
        [4, 8, ZIP.end64Bytes - 12],
        [12, 2, VERSION_ZIP64],
        [14, 2, VERSION_ZIP64],
        [24, 8, count],
        [32, 8, count],
        [40, 8, bytes],
        [48, 8, offset],
      ]),
    );
    await this.write(
      record(ZIP.locator64Bytes, [
        [0, 4, ZIP.locator64],
        [8, 8, end],
        [16, 4, 1],
      ]),
    );
  }
}

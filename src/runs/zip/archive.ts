import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { UserError } from '../../errors/userError';
import { checkMemory } from '../../files/memory';
import { formatBytes } from '../../text';
import { readRange } from './bytes';
import { brokenZip, readDirectory, type ZipEntry } from './directory';
import { ZIP } from './format';

const CHUNK_BYTES = 1 << 20;
/** How often all entries may be inflated: several readers each want every one, and tensors of two may alternate. */
const MOST_TIMES = 8;
const FREE_BYTES = 1 << 29;

/** A zip file whose entries are read by offset when asked for. */
export class ZipArchive {
  /** Bytes inflated so far. */
  private unpacked = 0;
  /** The entry inflated last: several tensors may share a storage. */
  private inflated: { entry: ZipEntry; bytes: Uint8Array } | undefined;

  private constructor(
    readonly file: string,
    readonly entries: ReadonlyMap<string, ZipEntry>,
    private readonly handle: FileHandle,
  ) {}

  /** @throws UserError when the directory is malformed, cut short, or claims what a zip file cannot hold */
  static async open(handle: FileHandle, file: string): Promise<ZipArchive> {
    return new ZipArchive(file, await readDirectory(handle, file), handle);
  }

  /**
   * A range of an entry's content, the whole by default; a whole entry is checked against its checksum, where it has one.
   *
   * @throws UserError when the entry is damaged or larger than it claims
   */
  async read(entry: ZipEntry, begin = 0, length = entry.bytes - begin): Promise<Uint8Array> {
    if (begin < 0 || begin + length > entry.bytes) throw brokenZip(this.file, `${entry.name} in it is too short`);
    const start = await this.contentStart(entry);
    if (entry.method === ZIP.deflated) return (await this.inflate(entry, start)).slice(begin, begin + length);
    if (entry.method !== ZIP.stored) throw brokenZip(this.file, `compression method ${entry.method} is not supported`);
    const bytes = await readRange(this.handle, this.file, start + begin, length);
    if (length === entry.bytes) this.checkSum(entry, bytes);
    return bytes;
  }

  private async contentStart(entry: ZipEntry): Promise<number> {
    const header = await readRange(this.handle, this.file, entry.offset, ZIP.localBytes);
    const view = new DataView(header.buffer);
    if (view.getUint32(0, true) !== ZIP.local) throw brokenZip(this.file, `${entry.name} is not where it should be`);
    return entry.offset + ZIP.localBytes + view.getUint16(26, true) + view.getUint16(28, true);
  }

  private checkSum(entry: ZipEntry, bytes: Uint8Array): void {
    // torch.save leaves the field at 0 after torch.serialization.set_crc32_options(False).
    if (entry.crc === 0 || crc32(bytes) === entry.crc) return;
    throw new UserError(`${this.file}: ${entry.name} in it is damaged (wrong checksum); copy or download it again`);
  }

  private async inflate(entry: ZipEntry, start: number): Promise<Uint8Array> {
    if (this.inflated?.entry === entry) return this.inflated.bytes;
    this.inflated = undefined;
    this.countInflated(entry);
    const bytes = await this.inflateStream(entry, start);
    this.checkSum(entry, bytes);
    this.inflated = { entry, bytes };
    return bytes;
  }

  private countInflated({ bytes }: ZipEntry): void {
    this.unpacked += bytes;
    const all = [...this.entries.values()].reduce((sum, entry) => sum + entry.bytes, 0);
    if (this.unpacked > MOST_TIMES * all + FREE_BYTES)
      throw brokenZip(
        this.file,
        `its compressed parts (${formatBytes(all)}) would be unpacked again and again: refused`,
      );
  }

  // A stream of the file handle would close it, although later entries are read from it.
  private async *compressed(entry: ZipEntry, start: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < entry.compressedBytes; at += CHUNK_BYTES) {
      yield await readRange(this.handle, this.file, start + at, Math.min(CHUNK_BYTES, entry.compressedBytes - at));
    }
  }

  private async inflateStream(entry: ZipEntry, start: number): Promise<Uint8Array> {
    const wrong = (what: string): UserError => brokenZip(this.file, `${entry.name} in it ${what}`);
    if (entry.compressedBytes === 0) throw wrong('is cut short');
    checkMemory(entry.bytes, this.file, `${JSON.stringify(entry.name.slice(0, 80))} in it would`);
    const target = new Uint8Array(entry.bytes);
    const source = Readable.from(this.compressed(entry, start));
    const stream = source.pipe(createInflateRaw());
    source.on('error', (error) => stream.destroy(error));
    let at = 0;
    try {
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        if (at + chunk.length > target.length) throw wrong(`is larger than the ${entry.bytes} bytes it claims`);
        target.set(chunk, at);
        at += chunk.length;
      }
    } catch (error) {
      throw error instanceof UserError ? error : wrong('cannot be inflated; it is damaged');
    } finally {
      source.destroy();
    }
    if (at !== entry.bytes) throw wrong('is cut short');
    return target;
  }
}

/** Reads protocol buffers from a file by offset: what is not asked for is never in memory. */
import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../errors/userError';
import { WireType } from './protobuf';

const BLOCK = 1 << 16;

/** A field of a message: a number, or the place of its bytes in the file. */
export interface Field {
  readonly field: number;
  readonly value: bigint;
  /** Where the bytes of a text, a message or raw data begin and end. */
  readonly start: number;
  readonly end: number;
}

/** A file that is read in blocks; the last one is kept. */
export class MessageReader {
  private block = Buffer.alloc(0);
  private at = 0;

  constructor(
    private readonly handle: FileHandle,
    readonly file: string,
    readonly size: number,
  ) {}

  fail(what: string): never {
    throw new UserError(`${this.file}: is not a valid ONNX file: ${what}`);
  }

  async bytes(start: number, end: number): Promise<Buffer> {
    if (end > this.size) this.fail(`it ends at byte ${this.size} and should have ${end}`);
    if (start < this.at || end > this.at + this.block.length) await this.load(start, end);
    return this.block.subarray(start - this.at, end - this.at);
  }

  async text({ start, end }: Field): Promise<string> {
    return (await this.bytes(start, end)).toString('utf8');
  }

  /** The fields of the message between two places, in order. */
  async *fields(start: number, end: number): AsyncGenerator<Field> {
    let at = start;
    while (at < end) {
      const tag = await this.varint(at, end);
      const [field, type] = [Number(tag.value >> 3n), Number(tag.value & 7n)];
      at = tag.end;
      if (type === WireType.varint) {
        const number = await this.varint(at, end);
        yield { field, value: BigInt.asIntN(64, number.value), start: at, end: number.end };
        at = number.end;
        continue;
      }
      const length = await this.lengthOf(type, at, end);
      if (length.start + length.count > end) this.fail(`a field at byte ${at} is longer than what holds it`);
      yield { field, value: 0n, start: length.start, end: length.start + length.count };
      at = length.start + length.count;
    }
  }

  private async lengthOf(type: number, at: number, end: number): Promise<{ start: number; count: number }> {
    if (type === WireType.fixed32) return { start: at, count: 4 };
    if (type === WireType.fixed64) return { start: at, count: 8 };
    if (type !== WireType.bytes) this.fail(`unknown kind of field at byte ${at}`);
    const length = await this.varint(at, end);
    return { start: length.end, count: Number(length.value) };
  }

  private async varint(start: number, end: number): Promise<{ value: bigint; end: number }> {
    const bytes = await this.bytes(start, Math.min(start + 10, end));
    let value = 0n;
    for (const [i, byte] of bytes.entries()) {
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return { value, end: start + i + 1 };
    }
    return this.fail(`a number at byte ${start} does not end`);
  }

  private async load(start: number, end: number): Promise<void> {
    const length = Math.min(Math.max(BLOCK, end - start), this.size - start);
    const block = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.handle.read(block, filled, length - filled, start + filled);
      if (bytesRead === 0) this.fail(`it ends at byte ${start + filled}`);
      filled += bytesRead;
    }
    [this.block, this.at] = [block, start];
  }
}

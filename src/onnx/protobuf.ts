/** Writes protocol buffers: the wire format, without a schema. Source: protobuf.dev, "Encoding". */
import type { FileHandle } from 'node:fs/promises';

/** Bytes, or bytes that are made when their turn comes. */
export type Chunk = Uint8Array | { readonly length: number; readonly bytes: () => Uint8Array };

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Small pieces are written together. */
const GATHERED = 1 << 16;

function varint(value: number): Uint8Array {
  // Negative numbers are 64-bit two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const more = rest > 0x7fn ? 0x80 : 0;
    bytes.push(Number(rest & 0x7fn) | more);
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/** One message, built field by field. */
export class Message {
  private readonly chunks: Chunk[] = [];
  private size = 0;

  get length(): number {
    return this.size;
  }

  int(field: number, value: number): this {
    return this.tag(field, WireType.varint).push(varint(value));
  }

  float(field: number, value: number): this {
    return this.tag(field, WireType.fixed32).push(new Uint8Array(Float32Array.of(value).buffer));
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value, 'utf8'));
  }

  bytes(field: number, value: Chunk): this {
    return this.tag(field, WireType.bytes).push(varint(value.length)).push(value);
  }

  message(field: number, value: Message): this {
    this.tag(field, WireType.bytes).push(varint(value.length));
    for (const chunk of value.chunks) this.push(chunk);
    return this;
  }

  /** Writes the message at the handle's place, one large chunk in memory at a time. */
  async writeTo(handle: FileHandle): Promise<void> {
    let gathered: Uint8Array[] = [];
    let length = 0;
    const flush = async (): Promise<void> => {
      if (length > 0) await writeAll(handle, Buffer.concat(gathered));
      [gathered, length] = [[], 0];
    };
    for (const chunk of this.chunks) {
      const bytes = contentOf(chunk);
      if (bytes.length < GATHERED) {
        gathered.push(bytes);
        length += bytes.length;
        if (length >= GATHERED) await flush();
      } else {
        await flush();
        await writeAll(handle, bytes);
      }
    }
    await flush();
  }

  private tag(field: number, type: number): this {
    return this.push(varint(field * 8 + type));
  }

  private push(chunk: Chunk): this {
    this.chunks.push(chunk);
    this.size += chunk.length;
    return this;
  }
}

/** The bytes of a chunk. @throws Error when they are not as many as it said. */
export function contentOf(chunk: Chunk): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  const bytes = chunk.bytes();
  if (bytes.length !== chunk.length) throw new Error(`a chunk of ${chunk.length} bytes has ${bytes.length}`);
  return bytes;
}

/** Writes all bytes: one call of the system may write fewer, and takes at most 2 GB. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, Math.min(bytes.length - at, 1 << 30));
    at += bytesWritten;
  }
}

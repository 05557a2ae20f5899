/** Memory for tensors: blocks that are used again and again, so that a training step touches no fresh pages. */
import { UserError } from '../../../errors/userError';
import type { Addon } from './addon';

/** A 64-byte aligned part of an ArrayBuffer. */
export interface Block {
  readonly buffer: ArrayBuffer;
  readonly offset: number;
  /** Usable bytes: the size class. */
  readonly bytes: number;
}

export interface PoolStats {
  /** Bytes in blocks that tensors hold, and in blocks that wait for one. */
  liveBytes: number;
  freeBytes: number;
  peakLiveBytes: number;
  liveBlocks: number;
  freeBlocks: number;
  /** Blocks made since the start, and times that a free one was used instead. */
  made: number;
  reused: number;
}

const ALIGNMENT = 64;
const SMALLEST = 256;
/** A request may take a free block of up to this many size classes more (an eighth of an octave each). */
const STRETCH = 2;

/** The smallest size class that holds `bytes`: eight a power of two. */
export function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 4);
  return Math.ceil(bytes / Math.max(step, ALIGNMENT)) * Math.max(step, ALIGNMENT);
}

export class BufferPool {
  private readonly free = new Map<number, Block[]>();
  private readonly owned = new WeakSet<ArrayBufferLike>();
  private readonly stats: PoolStats = {
    liveBytes: 0, freeBytes: 0, peakLiveBytes: 0, liveBlocks: 0, freeBlocks: 0, made: 0, reused: 0,
  }; // prettier-ignore
  /** Fills blocks with NaN when they come back, so that a use after disposal shows. For tests. */
  poison = false;

  constructor(private readonly addon: Pick<Addon, 'alignment' | 'detach'>) {}

  /** A block of at least `bytes`, with whatever was last written in it. Throws a UserError when there is no memory. */
  take(bytes: number): Block {
    const wanted = sizeClass(bytes);
    const block = this.reuse(wanted) ?? this.make(wanted);
    this.stats.liveBytes += block.bytes;
    this.stats.liveBlocks++;
    this.stats.peakLiveBytes = Math.max(this.stats.peakLiveBytes, this.stats.liveBytes);
    return block;
  }

  give(block: Block): void {
    if (this.poison) new Uint8Array(block.buffer).fill(0xff);
    const list = this.free.get(block.bytes);
    if (list) list.push(block);
    else this.free.set(block.bytes, [block]);
    this.stats.liveBytes -= block.bytes;
    this.stats.liveBlocks--;
    this.stats.freeBytes += block.bytes;
    this.stats.freeBlocks++;
  }

  /** Whether an array lies in one of the pool's buffers. */
  owns(array: ArrayBufferView): boolean {
    return this.owned.has(array.buffer);
  }

  /** Gives the free blocks back to the system, at once; the largest first, until `keepBytes` are left. */
  trim(keepBytes = 0): void {
    for (const bytes of [...this.free.keys()].sort((a, b) => b - a)) {
      const list = this.free.get(bytes)!;
      while (list.length > 0 && this.stats.freeBytes > keepBytes) {
        this.addon.detach(list.pop()!.buffer);
        this.stats.freeBytes -= bytes;
        this.stats.freeBlocks--;
      }
      if (list.length === 0) this.free.delete(bytes);
    }
  }

  read(): PoolStats {
    return { ...this.stats };
  }

  private reuse(wanted: number): Block | undefined {
    let bytes = wanted;
    for (let step = 0; step <= STRETCH; step++) {
      const block = this.free.get(bytes)?.pop();
      if (block) {
        this.stats.freeBytes -= bytes;
        this.stats.freeBlocks--;
        this.stats.reused++;
        return block;
      }
      bytes = sizeClass(bytes + 1);
    }
    return undefined;
  }

  private make(bytes: number): Block {
    // Free blocks of other sizes that the running job has outgrown make room first.
    const total = this.stats.liveBytes + this.stats.freeBytes + bytes;
    const limit = 1.25 * Math.max(this.stats.peakLiveBytes, this.stats.liveBytes + bytes);
    if (total > limit) this.trim(Math.max(0, limit - this.stats.liveBytes - bytes));
    const buffer = this.allocate(bytes + ALIGNMENT);
    this.owned.add(buffer);
    this.stats.made++;
    return { buffer, offset: this.addon.alignment(buffer), bytes };
  }

  private allocate(bytes: number): ArrayBuffer {
    try {
      return new ArrayBuffer(bytes);
    } catch {
      this.trim();
    }
    try {
      return new ArrayBuffer(bytes);
    } catch (cause) {
      const held = Math.round(this.stats.liveBytes / 2 ** 20);
      const wanted = Math.round(bytes / 2 ** 20);
      throw new UserError(
        `out of memory: ${wanted} MB more than the ${held} MB in use; use a smaller micro-batch, crop or feature size`,
        undefined,
        { cause },
      );
    }
  }
}

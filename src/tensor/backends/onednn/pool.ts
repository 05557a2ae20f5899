/** Memory for tensors: a few large buffers that are used again and again, so that a training step touches no fresh pages. */
import { UserError } from '../../../errors/userError';
import type { Addon } from './addon';

/** A 64-byte aligned part of an ArrayBuffer. */
export interface Block {
  readonly buffer: ArrayBuffer;
  readonly offset: number;
  /** Usable bytes. */
  readonly bytes: number;
}

export interface PoolStats {
  /** Bytes in blocks that tensors hold, and bytes once used that wait for one. */
  liveBytes: number;
  freeBytes: number;
  peakLiveBytes: number;
  liveBlocks: number;
  /** Buffers made since the start. */
  made: number;
}

interface Gap {
  offset: number;
  bytes: number;
}

/** A buffer that blocks are cut from. Its pages take memory from their first use on. */
interface Arena {
  readonly buffer: ArrayBuffer;
  readonly start: number;
  readonly bytes: number;
  /** Free parts in their order, never two in touch. */
  readonly gaps: Gap[];
  /** End of what was ever used. */
  touched: number;
}

const ALIGNMENT = 64;
const PAGE = 4096;
/** Buffers are as large as all before them together, within these bounds. */
const SMALLEST_ARENA = 2 ** 25;
const LARGEST_ARENA = 2 ** 29;

/** What a request for `bytes` takes: whole cache lines, of large ones whole pages. */
export function blockSize(bytes: number): number {
  const unit = bytes < 16 * PAGE ? ALIGNMENT : PAGE;
  return Math.max(1, Math.ceil(bytes / unit)) * unit;
}

/**
 * First fit by address, with free neighbours joined: what a training step leaves behind is of sizes that differ by factors
 * of two, and comes back in the reverse order, so that hardly anything is lost (4 MB of 2.2 GB at the reference workload).
 */
export class BufferPool {
  private readonly arenas: Arena[] = [];
  private readonly homes = new WeakMap<ArrayBufferLike, Arena>();
  private readonly stats = { liveBytes: 0, peakLiveBytes: 0, liveBlocks: 0, made: 0 };
  /** Fills blocks with NaN when they come back, so that a use after disposal shows. For tests. */
  poison = false;

  constructor(private readonly addon: Pick<Addon, 'alignment' | 'detach'>) {}

  /** A block of at least `bytes`, with whatever was last written in it. Throws a UserError when there is no memory. */
  take(bytes: number): Block {
    const wanted = blockSize(bytes);
    const block = this.cut(wanted) ?? this.cut(wanted, [this.make(wanted)])!;
    this.stats.liveBytes += wanted;
    this.stats.liveBlocks++;
    this.stats.peakLiveBytes = Math.max(this.stats.peakLiveBytes, this.stats.liveBytes);
    return block;
  }

  /** @param block of {@link take}, once */
  give({ buffer, offset, bytes }: Block): void {
    if (this.poison) new Uint8Array(buffer, offset, bytes).fill(0xff);
    const { gaps } = this.homes.get(buffer)!;
    let at = gaps.length;
    while (at > 0 && gaps[at - 1]!.offset > offset) at--;
    const [before, after] = [gaps[at - 1], gaps[at]];
    const gap = { offset, bytes };
    const joinsAfter = after !== undefined && after.offset === offset + bytes;
    if (joinsAfter) gap.bytes += after.bytes;
    if (before && before.offset + before.bytes === offset) {
      before.bytes += gap.bytes;
      if (joinsAfter) gaps.splice(at, 1);
    } else {
      gaps.splice(at, joinsAfter ? 1 : 0, gap);
    }
    this.stats.liveBytes -= bytes;
    this.stats.liveBlocks--;
  }

  /** Whether an array lies in one of the pool's buffers. */
  owns(array: ArrayBufferView): boolean {
    return this.homes.has(array.buffer);
  }

  /** Gives the buffers that no tensor is in back to the system, at once. */
  trim(): void {
    const unused = ({ gaps, bytes }: Arena): boolean => gaps[0]?.bytes === bytes;
    for (const arena of this.arenas.filter(unused)) {
      this.arenas.splice(this.arenas.indexOf(arena), 1);
      this.addon.detach(arena.buffer);
    }
  }

  /** From now on, {@link PoolStats.peakLiveBytes} is the peak since this call. */
  startPeak(): void {
    this.stats.peakLiveBytes = this.stats.liveBytes;
  }

  read(): PoolStats {
    const touched = this.arenas.reduce((sum, arena) => sum + arena.touched - arena.start, 0);
    return { ...this.stats, freeBytes: touched - this.stats.liveBytes };
  }

  private cut(wanted: number, arenas: readonly Arena[] = this.arenas): Block | undefined {
    for (const arena of arenas) {
      const at = arena.gaps.findIndex(({ bytes }) => bytes >= wanted);
      if (at < 0) continue;
      const gap = arena.gaps[at]!;
      const block = { buffer: arena.buffer, offset: gap.offset, bytes: wanted };
      gap.offset += wanted;
      gap.bytes -= wanted;
      if (gap.bytes === 0) arena.gaps.splice(at, 1);
      arena.touched = Math.max(arena.touched, gap.offset);
      return block;
    }
    return undefined;
  }

  private make(wanted: number): Arena {
    const all = this.arenas.reduce((sum, arena) => sum + arena.bytes, 0);
    const bytes = Math.max(wanted, Math.min(LARGEST_ARENA, Math.max(SMALLEST_ARENA, all)));
    const buffer = this.allocate(bytes + ALIGNMENT) ?? this.allocate(wanted + ALIGNMENT);
    if (!buffer) throw this.outOfMemory(wanted);
    const start = this.addon.alignment(buffer);
    const room = buffer.byteLength - ALIGNMENT;
    const arena = { buffer, start, bytes: room, gaps: [{ offset: start, bytes: room }], touched: start };
    this.arenas.push(arena);
    this.homes.set(buffer, arena);
    this.stats.made++;
    return arena;
  }

  /** Undefined where there is not so much memory, not even without the buffers that are free. */
  private allocate(bytes: number): ArrayBuffer | undefined {
    try {
      return new ArrayBuffer(bytes);
    } catch {
      this.trim();
    }
    try {
      return new ArrayBuffer(bytes);
    } catch {
      return undefined;
    }
  }

  private outOfMemory(bytes: number): UserError {
    const held = Math.round(this.stats.liveBytes / 2 ** 20);
    const wanted = Math.round(bytes / 2 ** 20);
    return new UserError(
      `out of memory: ${wanted} MB more than the ${held} MB in use; use a smaller micro-batch, crop or network`,
    );
  }
}

import type { Plane, Slice } from '../../src/protocol/volume';

/** Bytes of slices kept for a volume: a few hundred slices of a usual CT. */
const CAPACITY = 96 * 1024 * 1024;
/** Slices asked for ahead, in the direction of the last move. */
const AHEAD = 6;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

export type SliceSource = (plane: Plane, indices: readonly number[], channel: number) => Promise<readonly Slice[]>;

interface Wish {
  readonly index: number;
  readonly channel: number;
}

interface Lane {
  asking: boolean;
  wanted?: Wish;
  /** The wish that was served last, or is being served. */
  last?: Wish;
}

/**
 * The slices of one volume that the page holds. While an answer is awaited only the latest wish of a plane is kept, so that
 * scrolling fast asks for few slices; when there is none, the next ones in the direction of the move are asked for.
 */
export class SliceStore {
  private slices = new Map<string, Slice>();
  private bytes = 0;
  private readonly lanes: readonly Lane[] = [0, 1, 2].map(() => ({ asking: false }));
  private generation = 0;

  constructor(
    private readonly source: SliceSource,
    private readonly depth: (plane: Plane) => number,
    private readonly arrived: (plane: Plane) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** The slice when it is here. */
  peek(plane: Plane, index: number, channel: number): Slice | undefined {
    return this.slices.get(key(plane, index, channel));
  }

  /** The slice when it is here; otherwise it is asked for, and `arrived` is called. */
  want(plane: Plane, index: number, channel: number): Slice | undefined {
    const lane = this.lanes[plane]!;
    const here = this.slices.get(key(plane, index, channel));
    if (here) {
      // Last used, last thrown away.
      this.slices.delete(key(plane, index, channel));
      this.slices.set(key(plane, index, channel), here);
    }
    if (lane.last?.index === index && lane.last.channel === channel && (here || lane.asking)) {
      lane.wanted = undefined;
      return here;
    }
    lane.wanted = { index, channel };
    if (!lane.asking) void this.serve(plane, lane);
    return here;
  }

  /** Forgets everything: the file changed. */
  clear(): void {
    this.generation += 1;
    this.slices = new Map();
    this.bytes = 0;
    for (const lane of this.lanes) lane.last = undefined;
  }

  private async serve(plane: Plane, lane: Lane): Promise<void> {
    lane.asking = true;
    try {
      while (lane.wanted) {
        const { index, channel } = lane.wanted;
        // Nothing is fetched ahead before the first move.
        const step = Math.sign(index - (lane.last?.index ?? index));
        lane.last = { index, channel };
        lane.wanted = undefined;
        if (!this.slices.has(key(plane, index, channel))) await this.ask(plane, [index], channel);
        if (!lane.wanted && step !== 0) await this.ask(plane, this.ahead(plane, index, step, channel), channel);
      }
    } catch (error) {
      lane.wanted = undefined;
      this.failed(error);
    } finally {
      lane.asking = false;
    }
  }

  private ahead(plane: Plane, index: number, step: number, channel: number): number[] {
    const sample = this.slices.get(key(plane, index, channel));
    const most = sample ? Math.min(AHEAD, Math.floor(BYTES_AT_ONCE / sample.data.byteLength)) : 0;
    return Array.from({ length: most }, (_, n) => index + (n + 1) * step).filter(
      (at) => at >= 0 && at < this.depth(plane) && !this.slices.has(key(plane, at, channel)),
    );
  }

  private async ask(plane: Plane, indices: readonly number[], channel: number): Promise<void> {
    if (indices.length === 0) return;
    const generation = this.generation;
    const slices = await this.source(plane, indices, channel);
    if (generation !== this.generation) return;
    for (const slice of slices) {
      this.slices.set(key(plane, slice.index, channel), slice);
      this.bytes += slice.data.byteLength;
    }
    for (const [name, slice] of this.slices) {
      if (this.bytes <= CAPACITY) break;
      this.slices.delete(name);
      this.bytes -= slice.data.byteLength;
    }
    this.arrived(plane);
  }
}

function key(plane: Plane, index: number, channel: number): string {
  return `${plane}/${index}/${channel}`;
}

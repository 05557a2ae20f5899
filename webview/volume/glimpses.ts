import type { Vec3 } from '../../src/geometry';
import type { EarlySlice, Glimpse, Plane, Slice } from '../../src/protocol/volume';

/** A volume that is read sooner is not looked at before; then it is looked at so often. */
const [FIRST_MS, EVERY_MS] = [100, 250];

/** A slice in its full size, every voxel from its block of `step`. */
export function expand({ index, step, width, data }: EarlySlice, full: { width: number; height: number }): Slice {
  const out = new Float32Array(full.width * full.height);
  for (let y = 0, to = 0; y < full.height; y++) {
    const row = Math.floor(y / step) * width;
    for (let x = 0; x < full.width; x++) out[to++] = data[row + Math.floor(x / step)]!;
  }
  return { index, ...full, data: out };
}

/** Looks again and again at a volume that is being read. */
export class Glimpses {
  /** What was last seen. */
  last?: Glimpse;
  /** The slices to look at, by plane. */
  readonly places: [number, number, number] = [0, 0, 0];
  private readonly slices = new Map<Plane, Slice>();

  constructor(
    private readonly ask: (indices: Vec3) => Promise<Glimpse | null>,
    private readonly sizeOf: (plane: Plane) => { width: number; height: number },
    private readonly arrived: () => void,
  ) {}

  /** Until `done` says so, or there is nothing more to see before the voxels are there. */
  async watch(done: () => boolean): Promise<void> {
    for (let wait = FIRST_MS; ; wait = EVERY_MS) {
      await new Promise((resume) => setTimeout(resume, wait));
      if (done()) return;
      const glimpse = await this.ask(this.places);
      if (!glimpse || done()) return;
      this.last = glimpse;
      for (const slice of glimpse.slices) this.slices.set(slice.plane, expand(slice, this.sizeOf(slice.plane)));
      performance.mark('glimpse');
      this.arrived();
    }
  }

  /** The slice as far as it was seen. */
  slice(plane: Plane, index: number): Slice | undefined {
    const slice = this.slices.get(plane);
    return slice?.index === index ? slice : undefined;
  }

  clear(): void {
    this.last = undefined;
    this.slices.clear();
  }
}

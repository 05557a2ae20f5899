import { axesOf } from '../../src/geometry';
import type { Plane, VolumeContract, VolumeFile, VolumeState, VolumeStatistics } from '../../src/protocol/volume';
import type { ResultClass } from '../../src/protocol/scores';
import type { Host } from '../ui/host';
import { parseColour, voxelAt, type Colour, type Scaling } from './raster';
import { Glimpses } from './glimpses';
import { SliceStore } from './sliceStore';
import type { PlanePoint } from './tile';

export type VolumeHost = Host<VolumeContract, VolumeState>;

/** Reading a volume may take long on a network disk. */
const LOAD_TIMEOUT_MS = 600_000;

/** With names and colours of classes; labels of no class are background. */
function named(statistics: VolumeStatistics, classes: readonly ResultClass[] | undefined): VolumeStatistics {
  if (!classes || !statistics.labels) return statistics;
  const labels = statistics.labels.flatMap((entry) => {
    const own = classes.find(({ values }) => values.includes(entry.value));
    return own ? [{ ...entry, name: own.name, colour: own.colour }] : [];
  });
  return { ...statistics, labels };
}

export interface SourceEvents {
  arrived(): void;
  failed(error: unknown): void;
}

/** One file's voxels, as far as the page has them. */
export class Source {
  readonly store: SliceStore;
  /** What is seen before the voxels are there. */
  readonly glimpses: Glimpses;
  statistics?: VolumeStatistics;
  colours: ReadonlyMap<number, Colour> = new Map();
  /** Whether the range is known of all voxels, not only of a sample. */
  rangeExact = false;
  /** Why its voxels can't be shown. */
  problem = '';
  private shownKey = '';

  constructor(
    readonly file: VolumeFile,
    host: VolumeHost,
    depth: (plane: Plane) => number,
    public events: SourceEvents,
    classes?: readonly ResultClass[],
  ) {
    const failed = (error: unknown): void => {
      this.problem = error instanceof Error ? error.message : String(error);
      this.events.failed(error);
    };
    const arrived = (): void => this.events.arrived();
    this.store = new SliceStore(
      (plane, indices, channel) => host.call('slices', { volume: file.id, plane, indices, channel }, LOAD_TIMEOUT_MS),
      depth,
      arrived,
      failed,
    );
    const size = file.header!.grid.size;
    this.glimpses = new Glimpses(
      (indices) => host.call('glimpse', { volume: file.id, indices }),
      (plane) => ({ width: size[axesOf(plane)[0]]!, height: size[axesOf(plane)[1]]! }),
      arrived,
    );
    const load = async (): Promise<void> => {
      this.statistics = named(await host.call('load', { volume: file.id }, LOAD_TIMEOUT_MS), classes);
      this.glimpses.clear();
      performance.mark('voxels');
      arrived();
      const range = await host.call('range', { volume: file.id }, LOAD_TIMEOUT_MS);
      this.statistics = { ...this.statistics, range };
      this.rangeExact = true;
      arrived();
    };
    load().catch(failed);
  }

  /** Shows what there is while the volume is read. */
  watch(): void {
    const done = (): boolean => this.statistics !== undefined || this.problem !== '';
    // Without a glimpse there is still the volume to come.
    this.glimpses.watch(done).catch(() => undefined);
  }

  /** Colours of the labels that `visible` lets through; the same map as long as nothing changed. */
  show(key: string, visible: (label: number) => boolean): void {
    const whole = `${this.statistics?.labels?.length}/${key}`;
    if (whole === this.shownKey) return;
    this.shownKey = whole;
    const labels = this.statistics?.labels?.filter(({ value }) => visible(value)) ?? [];
    this.colours = new Map(labels.map(({ value, colour }) => [value, parseColour(colour)]));
  }

  get scaling(): Scaling {
    return this.statistics?.scaling ?? this.file.header ?? { slope: 1, intercept: 0 };
  }

  /** The value at a place of a slice that is here; undefined outside of the volume too. */
  voxelAt(plane: Plane, index: number, channel: number, place: PlanePoint): number | undefined {
    const slice = this.store.peek(plane, index, this.channel(channel));
    const [x, y] = [Math.round(place[0]), Math.round(place[1])];
    if (!slice || x < 0 || y < 0 || x >= slice.width || y >= slice.height) return undefined;
    return voxelAt(slice, this.scaling, x, y);
  }

  /** The channel of this file that is shown for one of the panel: its last when it has fewer. */
  channel(wanted: number): number {
    return Math.min(wanted, (this.file.header?.channels ?? 1) - 1);
  }
}

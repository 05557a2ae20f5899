import type { Plane, ShownVolume, VolumeContract, VolumeState, VolumeStatistics } from '../../src/protocol/volume';
import { element } from '../ui/dom';
import type { Host } from '../ui/host';
import type { Theme } from '../ui/theme';
import { axesOf, nearestVoxel, PLANES } from './geometry';
import type { Measurement, Paint, Picture, Sheet } from './picture';
import { windowOf } from './presets';
import { parseColour, valueAt, type Colour } from './raster';
import { Rendering3dTile } from './rendering3dTile';
import { SliceStore } from './sliceStore';
import { Tile, type Place, type TileActions } from './tile';

export type VolumeHost = Host<VolumeContract, VolumeState>;

/** Reading a volume may take long on a network disk. */
const LOAD_TIMEOUT_MS = 600_000;

/** One file's voxels, as far as the page has them. */
class Source {
  readonly store: SliceStore;
  statistics?: VolumeStatistics;
  colours: ReadonlyMap<number, Colour> = new Map();
  private shownKey = '';

  constructor(
    readonly shown: ShownVolume,
    host: VolumeHost,
    depth: (plane: Plane) => number,
    arrived: () => void,
    failed: (error: unknown) => void,
  ) {
    this.store = new SliceStore(
      (plane, indices, channel) => host.call('slices', { volume: shown.id, plane, indices, channel }, LOAD_TIMEOUT_MS),
      depth,
      arrived,
      failed,
    );
    host.call('load', { volume: shown.id }, LOAD_TIMEOUT_MS).then((statistics) => {
      this.statistics = statistics;
      arrived();
    }, failed);
  }

  /** Colours of the labels that are not hidden; the same map as long as nothing changed. */
  show(hidden: readonly number[]): void {
    const key = `${this.statistics?.labels?.length}/${hidden.join()}`;
    if (key === this.shownKey) return;
    this.shownKey = key;
    const labels = this.statistics?.labels?.filter(({ value }) => !hidden.includes(value)) ?? [];
    this.colours = new Map(labels.map(({ value, colour }) => [value, parseColour(colour)]));
  }

  get scaling(): { slope: number; intercept: number } {
    return this.shown.header ?? { slope: 1, intercept: 0 };
  }
}

export interface PaneActions {
  changed(): void;
  failed(error: unknown): void;
  actionsFor(pane: Pane, plane: Plane): TileActions;
}

/** One volume with its overlay: its slices in three planes and its 3-D rendering. */
export class Pane {
  readonly node = element('section', { class: 'pane' });
  readonly tiles = new Map<Plane, Tile>();
  readonly measurements = new Map<string, Measurement[]>();
  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly grid = element('div', { class: 'tiles' });
  private readonly base?: Source;
  private readonly overlay?: Source;
  private readonly rendering?: Rendering3dTile;

  constructor(
    readonly shown: ShownVolume,
    host: VolumeHost,
    actions: PaneActions,
    titled: boolean,
  ) {
    const depth = (plane: Plane): number => shown.header?.grid.size[plane] ?? 0;
    const source = (volume: ShownVolume): Source =>
      new Source(volume, host, depth, actions.changed, (error) => {
        this.say(error instanceof Error ? error.message : String(error), true);
        actions.failed(error);
      });
    if (titled) this.node.append(element('h2', { title: shown.path }, shown.name));
    this.node.append(this.message, this.grid);
    this.node.setAttribute('aria-label', shown.name);
    if (!shown.header) {
      this.say(shown.error ?? 'The header can’t be read.', true);
      return;
    }
    this.base = source(shown);
    if (shown.overlay?.header) this.overlay = source(shown.overlay);
    for (const { plane, name } of PLANES) {
      const tile = new Tile(plane, name, actions.actionsFor(this, plane));
      this.tiles.set(plane, tile);
      this.grid.append(tile.node);
    }
    this.rendering = new Rendering3dTile(host);
    this.grid.append(this.rendering.node);
  }

  /** Says something above the slices; '' takes it away. */
  say(text: string, error = false): void {
    this.message.classList.toggle('error', error);
    this.message.textContent = text;
  }

  get statistics(): VolumeStatistics | undefined {
    return this.base?.statistics;
  }

  get overlayStatistics(): VolumeStatistics | undefined {
    return this.overlay?.statistics;
  }

  /** The label map that is shown: the overlay, or the volume itself. */
  get labels(): VolumeStatistics['labels'] {
    return this.overlayStatistics?.labels ?? this.statistics?.labels;
  }

  hideLabels(hidden: readonly number[]): void {
    this.base?.show(hidden);
    this.overlay?.show(hidden);
  }

  windowOf(state: VolumeState): readonly [number, number] {
    const { statistics } = this;
    if (!statistics) return state.window ?? [0, 1];
    return windowOf(state.preset, statistics) ?? state.window ?? statistics.window;
  }

  /** Draws what the layout shows. */
  draw(state: VolumeState, theme: Theme): void {
    const { header } = this.shown;
    if (!header || !this.base) return;
    this.grid.dataset.layout = state.layout;
    const world = state.crosshair ?? [0, 0, 0];
    const at = nearestVoxel(header.grid, world);
    for (const [plane, tile] of this.tiles) {
      const name = PLANES.find((one) => one.plane === plane)!.name.toLowerCase();
      tile.node.hidden = state.layout !== 'all' && state.layout !== name;
      if (tile.node.hidden) continue;
      tile.draw(this.picture(state, theme, tile, at));
    }
    const { rendering } = this;
    if (!rendering) return;
    rendering.node.hidden = state.layout !== '3d' && (state.layout !== 'all' || this.grid.dataset.compared === 'true');
    if (rendering.node.hidden || !this.drawn) return;
    const labelled = this.overlay?.statistics?.labels ? this.overlay : this.base;
    if (!labelled.statistics) return;
    rendering.show({
      volume: labelled.shown.id,
      channel: state.channel,
      scaling: labelled.scaling,
      window: this.windowOf(state),
      labels: labelled.statistics.labels && labelled.colours,
    });
  }

  /** In a comparison there is room for the slices only. */
  set compared(value: boolean) {
    this.grid.dataset.compared = String(value);
  }

  /** Whether the slices that are to be seen are all on screen. */
  get drawn(): boolean {
    return [...this.tiles.values()].every((tile) => tile.node.hidden || tile.complete);
  }

  private picture(state: VolumeState, theme: Theme, tile: Tile, at: readonly [number, number, number]): Picture {
    const header = this.shown.header!;
    const { plane } = tile;
    const [across, up] = axesOf(plane);
    const index = at[plane];
    const channel = Math.min(state.channel, header.channels - 1);
    const { sheets, late } = this.sheets(state, plane, index, channel);
    return {
      view: {
        plane,
        grid: header.grid,
        ...tile.size,
        zoom: state.zoom,
        pan: state.pan,
        radiological: state.radiological,
      },
      sheets,
      index,
      crosshair: [at[across]!, at[up]!],
      smooth: state.smooth,
      measurements: this.measurements.get(`${plane}/${index}`) ?? [],
      font: `600 ${Math.max(11, theme.fontSize - 1)}px ${theme.fontFamily}`,
      accent: theme.accent,
      late,
    };
  }

  private readonly lastSheets = new Map<Plane, readonly Sheet[]>();

  /** The slice with its overlay; while it is on its way, the last one that was shown. */
  private sheets(
    state: VolumeState,
    plane: Plane,
    index: number,
    channel: number,
  ): { sheets: readonly Sheet[]; late: boolean } {
    const { base, overlay } = this;
    const slice = base?.store.want(plane, index, channel);
    const top = overlay?.store.want(plane, index, channel);
    if (!base?.statistics || !slice) return { sheets: this.lastSheets.get(plane) ?? [], late: true };
    const window = this.windowOf(state);
    const labels = (source: Source, opacity: number): Paint => ({
      kind: 'labels',
      colours: source.colours,
      opacity,
      outline: state.outline,
    });
    const paint: Paint = base.statistics.labels ? labels(base, 1) : { kind: 'grey', window };
    const sheets: Sheet[] = [{ slice, scaling: base.scaling, paint }];
    if (overlay && top && overlay.statistics) {
      const { statistics } = overlay;
      const paint: Paint = statistics.labels
        ? labels(overlay, state.opacity)
        : { kind: 'heat', window: statistics.window, opacity: state.opacity };
      sheets.push({ slice: top, scaling: overlay.scaling, paint });
    }
    this.lastSheets.set(plane, sheets);
    return { sheets, late: overlay !== undefined && !top };
  }

  /** Values of the volume and its overlay at a place of a slice that is here. */
  valuesAt(
    state: VolumeState,
    plane: Plane,
    index: number,
    place: Place,
  ): { value?: number; overlay?: number } | undefined {
    const channel = Math.min(state.channel, (this.shown.header?.channels ?? 1) - 1);
    const [x, y] = [Math.round(place[0]), Math.round(place[1])];
    const read = (source: Source | undefined): number | undefined => {
      const slice = source?.store.peek(plane, index, channel);
      if (!source || !slice || x < 0 || y < 0 || x >= slice.width || y >= slice.height) return undefined;
      return valueAt(slice, source.scaling, x, y);
    };
    return { value: read(this.base), overlay: read(this.overlay) };
  }

  /** The 3-D canvas, freshly drawn; undefined when there is none to see. */
  renderedPicture(): HTMLCanvasElement | undefined {
    return this.rendering?.picture();
  }

  dispose(): void {
    this.rendering?.dispose();
  }
}

import { axesOf } from '../../src/geometry';
import type { Vec3 } from '../../src/geometry';
import type {
  OverlayWish,
  Plane,
  ShownOverlay,
  ShownVolume,
  VolumeFile,
  VolumeState,
  VolumeStatistics,
} from '../../src/protocol/volume';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import { nearestVoxel, PLANES } from './geometry';
import { labelFilter, type LabelFilter } from './labelFilter';
import type { Measurement, Paint, Picture, Sheet } from './picture';
import { firstWindow, windowOf } from './windows';
import { Rendering3dTile } from './rendering3dTile';
import { Source, type SourceEvents, type VolumeHost } from './source';
import { Tile, type PlanePoint, type TileActions } from './tile';

/** A volume on top, with what is known of its voxels. */
export interface Overlay {
  readonly shown: ShownOverlay;
  wish: OverlayWish;
  readonly source?: Source;
}

export interface PaneActions {
  changed(): void;
  failed(error: unknown): void;
  actionsFor(pane: Pane, plane: Plane): TileActions;
}

export interface OverlayValue {
  readonly name: string;
  readonly value: number | undefined;
  /** Name of the label, in a label map. */
  readonly label: string | undefined;
}

/** One volume with its overlays: its slices in three planes and its 3-D rendering. */
export class Pane {
  readonly node = element('section', { class: 'pane' });
  readonly tiles = new Map<Plane, Tile>();
  readonly measurements = new Map<string, Measurement[]>();
  readonly overlays: readonly Overlay[] = [];
  /** What is held of each file, by its id, for the pane that follows this one. */
  readonly sources = new Map<string, Source>();
  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly grid = element('div', { class: 'tiles' });
  /** Whose turn it is, while overlays are shown in turns. */
  private readonly turn = element('div', { class: 'turn', hidden: true });
  private readonly base?: Source;
  private readonly rendering?: Rendering3dTile;
  private readonly lastSheets = new Map<Plane, readonly Sheet[]>();
  private filter: LabelFilter = labelFilter([], undefined);
  private readonly counting = new WeakMap<object, { filter: LabelFilter; counts: LabelFilter['visible'] }>();

  /** @param former the pane of the same volume before; what it holds is used again. */
  constructor(
    readonly shown: ShownVolume,
    host: VolumeHost,
    actions: PaneActions,
    titled: boolean,
    former: Pane | undefined,
  ) {
    const depth = (plane: Plane): number => shown.header?.grid.size[plane] ?? 0;
    const source = (file: VolumeFile, classes?: OverlayWish['classes']): Source | undefined => {
      if (!file.header) return undefined;
      const known = this.sources.get(file.id) ?? former?.sources.get(file.id);
      const events: SourceEvents = {
        arrived: () => actions.changed(),
        failed: (error) => {
          this.say(error instanceof Error ? error.message : String(error), true);
          actions.failed(error);
        },
      };
      const one = known ?? new Source(file, host, depth, events, classes);
      one.events = events;
      this.sources.set(file.id, one);
      return one;
    };
    if (titled) this.node.append(element('h2', { title: shown.path }, shown.name));
    this.node.append(this.message, this.grid, this.turn);
    this.node.setAttribute('aria-label', shown.name);
    if (!shown.header) {
      this.say(shown.error ?? 'The header can’t be read.', true);
      return;
    }
    this.say('');
    const held = former?.sources.has(shown.id);
    this.base = source(shown);
    if (!held) this.base?.watch();
    this.overlays = shown.overlays.map((overlay) => {
      const { wish, truth } = overlay;
      if (truth) source(truth, wish.classes);
      return { shown: overlay, wish, source: source(overlay, wish.classes) };
    });
    for (const { plane, name } of PLANES) {
      const tile = new Tile(plane, name, actions.actionsFor(this, plane));
      this.tiles.set(plane, tile);
      this.grid.append(tile.node);
    }
    former?.measurements.forEach((lines, key) => this.measurements.set(key, lines));
    this.rendering = new Rendering3dTile(host);
    this.grid.append(this.rendering.node);
  }

  /** Says something above the slices; '' goes back to what is to be said of the file. */
  say(text: string, error = false): void {
    this.message.classList.toggle('error', error);
    this.message.textContent = text || (this.shown.header?.notice ?? '');
  }

  get statistics(): VolumeStatistics | undefined {
    return this.base?.statistics;
  }

  /** Lowest and highest value, once all voxels were looked at. */
  get range(): readonly [number, number] | undefined {
    return this.base?.rangeExact ? this.base.statistics?.range : undefined;
  }

  /** Labels of the overlays, or of the volume itself when it is a label map; the first that names a label counts. */
  get labels(): VolumeStatistics['labels'] {
    const maps = [...this.sources.values()].flatMap((source) => source.statistics?.labels ?? []);
    const found = new Map(maps.reverse().map((entry) => [entry.value, entry]));
    return found.size > 0 ? [...found.values()] : undefined;
  }

  showLabels(filter: LabelFilter): void {
    this.filter = filter;
    for (const source of this.sources.values()) source.show(filter.key, filter.visible);
  }

  windowOf(state: VolumeState): readonly [number, number] {
    const statistics = this.statistics ?? this.base?.glimpses.last?.values;
    if (!statistics) return state.window ?? [0, 1];
    return windowOf(state.namedWindow || firstWindow(statistics), statistics) ?? state.window ?? statistics.window;
  }

  /**
   * Draws what the layout shows.
   *
   * @param turn with it the overlays are shown in turns, this one now.
   */
  draw(state: VolumeState, theme: Theme, turn: number | undefined): void {
    const { header } = this.shown;
    if (!header || !this.base) return;
    this.grid.dataset.layout = state.layout;
    const at = nearestVoxel(header.grid, state.crosshair ?? [0, 0, 0]);
    const overlays = this.visibleOverlays(turn);
    this.turn.hidden = turn === undefined;
    this.turn.textContent = overlays[0]?.shown.name ?? 'no overlay';
    for (const [plane, tile] of this.tiles) {
      const name = PLANES.find((one) => one.plane === plane)!.name.toLowerCase();
      tile.node.hidden = state.layout !== 'all' && state.layout !== name;
      if (!tile.node.hidden) tile.draw(this.picture(state, theme, tile, at, overlays));
    }
    this.render(state);
  }

  /** In a comparison there is room for the slices only. */
  set compared(value: boolean) {
    this.grid.dataset.compared = String(value);
  }

  /** Whether the slices that are to be seen are all on screen. */
  get drawn(): boolean {
    return [...this.tiles.values()].every((tile) => tile.node.hidden || tile.complete);
  }

  private render(state: VolumeState): void {
    const { rendering } = this;
    if (!rendering) return;
    rendering.node.hidden = state.layout !== '3d' && (state.layout !== 'all' || this.grid.dataset.compared === 'true');
    if (rendering.node.hidden || !this.drawn) return;
    const mapped = this.overlays.find(({ wish, source }) => !wish.hidden && source?.statistics?.labels);
    const labelled = mapped?.source ?? this.base!;
    if (!labelled.statistics) return;
    rendering.show({
      volume: labelled.file.id,
      channel: state.channel,
      scaling: labelled.scaling,
      window: this.windowOf(state),
      labels: labelled.statistics.labels && labelled.colours,
    });
  }

  private visibleOverlays(turn: number | undefined): readonly Overlay[] {
    const wanted = this.overlays.filter(({ wish, source }) => !wish.hidden && source && !source.problem);
    if (turn === undefined) return wanted;
    // A single overlay takes turns with nothing.
    const one = wanted[turn % Math.max(2, wanted.length)];
    return one ? [one] : [];
  }

  private picture(state: VolumeState, theme: Theme, tile: Tile, at: Vec3, overlays: readonly Overlay[]): Picture {
    const header = this.shown.header!;
    const { plane } = tile;
    const [across, up] = axesOf(plane);
    const index = at[plane];
    const { sheets, late } = this.sheets(state, plane, index, overlays);
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
      ...(this.base?.glimpses.last && { share: this.base.glimpses.last.share }),
    };
  }

  /** The slice with its overlays; while it is on its way, the last one that was shown. */
  private sheets(
    state: VolumeState,
    plane: Plane,
    index: number,
    overlays: readonly Overlay[],
  ): { sheets: readonly Sheet[]; late: boolean } {
    const { base } = this;
    // All are asked for before the first is awaited.
    const tops = overlays.map((overlay) => this.overlaySheet(state, plane, index, overlay));
    const slice = base?.store.want(plane, index, base.channel(state.channel));
    if (base && !base.statistics) return { sheets: this.early(state, base, plane, index), late: true };
    if (!base?.statistics || !slice) return { sheets: this.lastSheets.get(plane) ?? [], late: true };
    const paint: Paint = base.statistics.labels
      ? { kind: 'labels', colours: base.colours, opacity: 1, outline: state.outline }
      : { kind: 'grey', window: this.windowOf(state) };
    const sheets = [{ slice, scaling: base.scaling, paint }, ...tops.filter((sheet) => sheet !== undefined)];
    this.lastSheets.set(plane, sheets);
    return { sheets, late: tops.includes(undefined) };
  }

  /** What there is of a slice while the volume is read. */
  private early(state: VolumeState, base: Source, plane: Plane, index: number): readonly Sheet[] {
    base.glimpses.places[plane] = index;
    // Of a 4-D file the first volume is seen.
    const slice = state.channel === 0 ? base.glimpses.slice(plane, index) : undefined;
    return slice ? [{ slice, scaling: base.scaling, paint: { kind: 'grey', window: this.windowOf(state) } }] : [];
  }

  private overlaySheet(state: VolumeState, plane: Plane, index: number, overlay: Overlay): Sheet | undefined {
    const { source, wish } = overlay;
    const want = (one: Source | undefined) => one?.store.want(plane, index, one.channel(state.channel));
    const slice = want(source);
    const truth = wish.mode === 'error' ? this.heldOf(wish.truth) : undefined;
    const right = want(truth);
    if (!source?.statistics || !slice) return undefined;
    const { scaling } = source;
    if (wish.mode !== 'error') return { slice, scaling, paint: this.paintOf(state, wish, source) };
    if (!truth?.statistics || !right) return undefined;
    const visible = this.countsOf(wish);
    const paint: Paint = { kind: 'error', truth: right, truthScaling: truth.scaling, visible, opacity: state.opacity };
    return { slice, scaling, paint };
  }

  /** Which labels of an overlay count; the same function as long as nothing changed. */
  private countsOf({ classes }: OverlayWish): LabelFilter['visible'] {
    const { filter } = this;
    if (!classes) return filter.visible;
    const known = this.counting.get(classes);
    if (known?.filter === filter) return known.counts;
    const values = new Set(classes.flatMap((one) => one.values));
    const counts = (label: number): boolean => values.has(label) && filter.visible(label);
    this.counting.set(classes, { filter, counts });
    return counts;
  }

  private heldOf(path: string | undefined): Source | undefined {
    return [...this.sources.values()].find((source) => source !== this.base && source.file.path === path);
  }

  private paintOf(state: VolumeState, wish: OverlayWish, source: Source): Paint {
    const { opacity } = state;
    const { labels, window } = source.statistics!;
    if (wish.mode === 'scale') return { kind: 'scale', window: wish.range ?? window, opacity };
    if (!labels) return { kind: 'heat', window, opacity };
    return { kind: 'labels', colours: source.colours, opacity, outline: wish.mode === 'outline' || state.outline };
  }

  /** Value of the volume at a place of a slice that is here, and of each overlay. */
  valuesAt(
    state: VolumeState,
    plane: Plane,
    index: number,
    place: PlanePoint,
  ): { value: number | undefined; overlays: readonly OverlayValue[] } {
    const read = (source: Source | undefined): number | undefined =>
      source?.voxelAt(plane, index, state.channel, place);
    const seen = new Set<Source>();
    const overlays = this.overlays.flatMap(({ shown, source }) => {
      if (!source || seen.has(source)) return [];
      seen.add(source);
      const value = read(source);
      const label = source.statistics?.labels?.find((entry) => entry.value === value)?.name;
      return [{ name: shown.name, value, label }];
    });
    return { value: read(this.base), overlays };
  }

  /** The 3-D canvas, freshly drawn; undefined when there is none to see. */
  renderedPicture(): HTMLCanvasElement | undefined {
    return this.rendering?.picture();
  }

  dispose(): void {
    this.rendering?.dispose();
  }
}

import type { Vec3 } from '../../src/geometry';
import type { Grid, Layout, Look, OverlayWish, Plane, ShownVolume, Tool, VolumeState } from '../../src/protocol/volume';
import { element } from '../ui/dom';
import { HostError } from '../ui/host';
import { currentTheme, onThemeChange, type Theme } from '../ui/theme';
import { Blinker } from './blink';
import type { Controls } from './controls';
import { clamp, inWords, nearestVoxel, toWorld } from './geometry';
import { labelFilter } from './labelFilter';
import { changesOfLook } from './look';
import { Pane, type Overlay } from './pane';
import { firstWindow } from './windows';
import { placeRead, valuesRead, type Hovered } from './readout';
import { screenshot } from './screenshot';
import { Sidebar } from './sidebar';
import type { VolumeHost } from './source';
import { DEFAULT_STATE, dependsOn, middleOf, movedWindow, wishOf } from './state';
import { Toolbar } from './toolbar';
import type { PlanePoint } from './tile';
import { tileActions } from './tileActions';

const CINE_MS = 80;
const LARGEST_ZOOM = 40;

/** The page: one or several volumes with a common crosshair, window, zoom and layout. */
export class Viewer implements Controls {
  state: VolumeState;
  panes: Pane[] = [];
  private theme: Theme = currentTheme();
  private active: { pane: Pane; plane: Plane } | undefined;
  private hovered: Hovered | undefined;
  private scheduled = false;
  private cine?: ReturnType<typeof setInterval>;
  private filter = labelFilter([], undefined);
  readonly blinker = new Blinker(() => this.redraw());
  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly row = element('div', { class: 'panes' });
  private readonly toolbar: Toolbar;
  private readonly sidebar: Sidebar;

  constructor(
    private readonly app: HTMLElement,
    private readonly host: VolumeHost,
  ) {
    this.state = { ...DEFAULT_STATE, ...host.savedState };
    this.toolbar = new Toolbar(this);
    this.sidebar = new Sidebar(this);
    app.classList.add('viewer');
    app.append(
      element('header', {}, this.toolbar.node, this.message),
      element('div', { class: 'body' }, this.row, this.sidebar.node),
    );
    onThemeChange((theme) => {
      this.theme = theme;
      this.redraw();
    });
    new ResizeObserver(() => this.draw()).observe(this.row);
  }

  /** Asks what is to be shown, and shows it. What is held of the file `outdated` is asked for anew. */
  async open(outdated?: string): Promise<void> {
    try {
      const { volumes, look } = await this.host.call('open', { volumes: this.state.volumes });
      performance.mark('header');
      this.show(volumes, outdated);
      if (look) this.look(look);
    } catch (error) {
      this.say(error);
    }
  }

  /** What is shown next is looked at in its middle. */
  forgetPlace(): void {
    this.state = { ...this.state, crosshair: undefined, pan: DEFAULT_STATE.pan };
  }

  /** The file behind a volume can't be read at present; '' when it can again. */
  trouble(volume: string, text: string): void {
    const pane = this.panes.find(({ shown, sources }) => shown.id === volume || sources.has(volume));
    pane?.say(text, text !== '');
  }

  set(change: Partial<VolumeState>): void {
    this.state = { ...this.state, ...change };
    this.applyLabels();
    this.host.saveState(this.state);
    this.redraw();
  }

  get playing(): boolean {
    return this.cine !== undefined;
  }

  get current(): Pane | undefined {
    return this.active?.pane ?? this.panes.find((pane) => pane.shown.header);
  }

  play(): void {
    if (this.cine) {
      clearInterval(this.cine);
      this.cine = undefined;
    } else {
      this.cine = setInterval(() => this.nextFrame(), CINE_MS);
    }
    this.redraw();
  }

  resetView(): void {
    const grid = this.current?.shown.header?.grid;
    this.set({ zoom: 1, pan: [0, 0, 0], ...(grid && { crosshair: middleOf(grid) }) });
  }

  zoom(factor: number): void {
    this.set({ zoom: clamp(this.state.zoom * factor, 0.2, LARGEST_ZOOM) });
  }

  setLayout(layout: Layout): void {
    this.set({ layout });
  }

  setTool(tool: Tool): void {
    this.set({ tool });
  }

  step(axis: number, voxels: number): void {
    const grid = this.current?.shown.header?.grid;
    if (!grid) return;
    const at = [...nearestVoxel(grid, this.state.crosshair ?? middleOf(grid))];
    at[axis] = clamp(at[axis]! + voxels, 0, grid.size[axis]! - 1);
    this.set({ crosshair: toWorld(grid, at as unknown as Vec3) });
  }

  changeWindow(centre: number, width: number): void {
    const window = this.current && movedWindow(this.current, this.state, centre, width);
    if (window) this.set({ namedWindow: 'custom', window });
  }

  async addOverlay(path?: string): Promise<void> {
    const pane = this.current;
    if (!pane) return;
    try {
      const chosen = path ?? (await this.host.call('chooseOverlay', { volume: pane.shown.id }, 3_600_000));
      if (chosen === undefined) return;
      await this.setOverlays(pane, [...pane.overlays.map(({ wish }) => wish), { path: chosen, mode: 'auto' }]);
    } catch (error) {
      this.say(error);
    }
  }

  async removeOverlay(pane: Pane, overlay: Overlay): Promise<void> {
    const left = pane.overlays.filter((one) => one !== overlay).map(({ wish }) => wish);
    await this.setOverlays(pane, left);
  }

  changeOverlay(overlay: Overlay, change: Partial<OverlayWish>): void {
    overlay.wish = { ...overlay.wish, ...change };
    this.set({ volumes: this.panes.map(wishOf) });
    // Its slices are others then.
    if ('onImageGrid' in change) void this.open();
  }

  private async setOverlays(pane: Pane, overlays: readonly OverlayWish[]): Promise<void> {
    const at = this.panes.indexOf(pane);
    this.set({ volumes: this.state.volumes.map((volume, i) => (i === at ? { ...volume, overlays } : volume)) });
    await this.open();
  }

  blink(): void {
    this.blinker.toggle();
    this.redraw();
  }

  nextOverlay(): void {
    this.blinker.step();
    this.redraw();
  }

  async saveScreenshot(): Promise<void> {
    const name = `${this.current?.shown.name.replace(/\.nii(\.gz)?$/, '') ?? 'volume'}.png`;
    try {
      const png = await screenshot(this.row, this.panes);
      const saved = await this.host.call('saveImage', { name, png }, 3_600_000);
      if (saved) this.say(`Saved ${saved}`);
    } catch (error) {
      this.say(error);
    }
  }

  redraw(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  private show(volumes: readonly ShownVolume[], outdated: string | undefined): void {
    const former = this.panes.filter((pane) => !dependsOn(pane, outdated));
    const activeAt = this.active ? this.panes.indexOf(this.active.pane) : -1;
    for (const pane of this.panes) pane.dispose();
    this.hovered = undefined;
    const actions = {
      changed: () => this.arrived(),
      failed: () => this.redraw(),
      actionsFor: (pane: Pane, plane: Plane) => tileActions(this, pane, plane),
    };
    this.panes = volumes.map((shown, at) => {
      const before = former.find((pane) => pane.shown.id === shown.id);
      const pane = new Pane(shown, this.host, actions, volumes.length > 1, before);
      if (at === activeAt && this.active) this.active = { ...this.active, pane };
      pane.compared = volumes.length > 1;
      return pane;
    });
    if (this.active && !this.panes.includes(this.active.pane)) this.active = undefined;
    this.row.replaceChildren(...this.panes.map((pane) => pane.node));
    const grid = this.panes.find((pane) => pane.shown.header)?.shown.header?.grid;
    this.set({ volumes: this.panes.map(wishOf), crosshair: this.state.crosshair ?? (grid && middleOf(grid)) });
    this.arrived();
    // Slices are asked for now, not in the next frame.
    this.draw();
  }

  /** Goes where a command wants to look. */
  private look(look: Look): void {
    this.set(changesOfLook(look, this.panes[0]?.shown.header, this.state));
    if (look.blink !== undefined && look.blink !== this.blinker.on) this.blink();
  }

  private arrived(): void {
    const statistics = this.panes.find((pane) => pane.statistics)?.statistics;
    if (statistics && this.state.namedWindow === '') this.set({ namedWindow: firstWindow(statistics) });
    this.applyLabels();
    this.redraw();
  }

  private applyLabels(): void {
    const filter = labelFilter(this.state.hiddenLabels, this.state.onlyLabel);
    if (filter.key !== this.filter.key) this.filter = filter;
    for (const pane of this.panes) pane.showLabels(this.filter);
  }

  private draw(): void {
    for (const pane of this.panes) pane.draw(this.state, this.theme, this.blinker.turn);
    this.toolbar.update();
    this.sidebar.update();
    this.readout();
    const drawn = this.panes.length > 0 && this.panes.every((pane) => !pane.shown.header || pane.drawn);
    if (drawn && this.app.dataset.painted === undefined) this.app.dataset.painted = String(Date.now());
    this.app.dataset.drawn = String(drawn);
  }

  private nextFrame(): void {
    const plane = this.active?.plane ?? 2;
    const pane = this.current;
    const grid = pane?.shown.header?.grid;
    // A frame is left out while the last one is on its way.
    if (!grid || !pane.tiles.get(plane)?.complete) return;
    const at = nearestVoxel(grid, this.state.crosshair ?? middleOf(grid))[plane];
    this.step(plane, at + 1 < grid.size[plane]! ? 1 : -at);
  }

  touch(pane: Pane, plane: Plane): void {
    this.active = { pane, plane };
  }

  hover(pane: Pane, plane: Plane, place: PlanePoint | undefined): void {
    this.hovered = place && { pane, plane, place };
    this.readout();
  }

  crosshairOn(grid: Grid): Vec3 {
    return this.state.crosshair ?? middleOf(grid);
  }

  clearMeasurements(): void {
    for (const pane of this.panes) pane.measurements.clear();
    this.redraw();
  }

  private readout(): void {
    const { hovered, state } = this;
    const world = placeRead(state, hovered, this.current);
    if (!world) return;
    const plane = hovered?.plane ?? this.active?.plane ?? 2;
    this.sidebar.readout(inWords(world), valuesRead(this.panes, state, plane, world));
  }

  private say(what: unknown): void {
    this.message.classList.toggle('error', what instanceof Error);
    this.message.textContent =
      what instanceof HostError || typeof what === 'string'
        ? what instanceof Error
          ? what.message
          : what
        : `Internal error: ${String(what)}`;
  }
}

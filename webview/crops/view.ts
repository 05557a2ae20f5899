import type {
  BodySurface,
  CropChoice,
  CropPreview,
  CropRequest,
  CropsContract,
  CropsPreview,
  CropsState,
  GreyImage,
  Triple,
} from '../../src/protocol/crops';
import type { Plane } from '../../src/protocol/volume';
import { button, checkbox } from '../ui/controls';
import { element } from '../ui/dom';
import { HostError, type Host } from '../ui/host';
import { onThemeChange } from '../ui/theme';
import { axesOf, clamp, PLANES, type SliceView } from '../volume/geometry';
import { SliceStore } from '../volume/sliceStore';
import { Tile, type Place, type TileActions } from '../volume/tile';
import { listenToBox, wholeVoxels, type Edges } from './boxHandles';
import { ErrorSlices, errorTop } from './errorSlices';
import { CropFields } from './fields';
import { NetworkSection } from './network';
import { greyCanvas, labelTables, stageCards } from './pictures';
import { FIRST_TURN, Scene } from './scene';
import { COLOURS, edgesOn, slicePicture } from './slicePicture';

const PREPARE_TIMEOUT_MS = 600_000;
const LAST_GOOD = 'Until this is put right, the picture shows the config as it last was in order.';

const DEFAULT_STATE: CropsState = {
  file: '',
  caseIndex: 0,
  draw: 0,
  choice: { kind: 'random', index: 0 },
  augment: { flip: true, rotate: true, shift: true },
};

/** The page: preprocessing steps above, slices with the grid and the crop, label and crop as the network sees it. */
export class CropsView {
  private state: CropsState;
  private preview?: CropsPreview;
  private crop?: CropPreview;
  private store: SliceStore;
  private zoom = 1;
  private pan: Triple = [0, 0, 0];
  private asking = false;
  private askAgain = false;
  private cutting = false;
  private cutAgain = false;
  private scheduled = false;
  private body?: BodySurface;
  private readonly tiles: Tile[];
  private readonly scene: Scene;
  private readonly network: NetworkSection;
  private readonly fields = new CropFields((centre, size) => this.place3(centre, size));
  private readonly back = button(
    'Back to the drawn crop',
    () => this.choose({ ...this.state.choice, centre: undefined, size: undefined }),
    {
      id: 'drawn-crop',
    },
  );
  private readonly errors = new ErrorSlices();
  private readonly message = element('div', { class: 'message error', role: 'status' });
  private readonly strip = element('section', { class: 'strip', 'aria-label': 'Preprocessing steps' });
  private readonly cases = element('select', { id: 'case', 'aria-label': 'Case' });
  private readonly choices = element('select', { id: 'choice', 'aria-label': 'Crop' });
  private readonly epoch = element('output', { id: 'epoch' });
  private readonly where = element('p', { class: 'muted', id: 'where', role: 'status' });
  private readonly label = element('div', { id: 'label' });
  private readonly crops = element('div', { class: 'crops' });

  constructor(
    private readonly app: HTMLElement,
    private readonly host: Host<CropsContract, CropsState>,
  ) {
    this.state = { ...DEFAULT_STATE, ...host.savedState, file: decodeURI(app.dataset.file ?? '') };
    this.host.saveState(this.state);
    this.tiles = PLANES.map(({ plane, name }) => this.newTile(plane, name));
    const [azimuth, elevation] = this.state.turn ?? [FIRST_TURN.azimuth, FIRST_TURN.elevation];
    this.scene = new Scene({ azimuth, elevation }, (turn) => this.set({ turn: [turn.azimuth, turn.elevation] }));
    this.network = new NetworkSection({
      host,
      state: () => this.state,
      set: (change) => this.set(change),
      changed: () => this.answered(),
    });
    this.store = this.newStore();
    this.build();
    onThemeChange(() => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(app);
  }

  /** Asks what the config does now; while an answer is awaited, further wishes become one more question. */
  async refresh(): Promise<void> {
    this.askAgain = this.asking;
    if (this.asking) return;
    this.asking = true;
    this.app.dataset.busy = 'true';
    try {
      do {
        this.askAgain = false;
        const request = this.request();
        const params = { caseIndex: this.state.caseIndex, crop: request, known: this.preview?.volume.version };
        const answer = await this.host.call('preview', params, PREPARE_TIMEOUT_MS);
        if ('problems' in answer) this.say(this.preview ? [...answer.problems, LAST_GOOD] : answer.problems);
        else this.show(answer, request);
      } while (this.askAgain);
    } catch (error) {
      this.fail(error);
    } finally {
      this.asking = false;
      this.app.dataset.busy = 'false';
    }
  }

  private set(change: Partial<CropsState>): void {
    this.state = { ...this.state, ...change };
    this.host.saveState(this.state);
  }

  private build(): void {
    const { state } = this;
    this.cases.addEventListener('change', () => {
      this.set({ caseIndex: this.cases.selectedIndex, place: undefined });
      this.choose({ kind: this.state.choice.kind, index: this.state.choice.index });
      void this.refresh();
    });
    this.choices.addEventListener('change', () => {
      const [kind, index] = this.choices.value.split('/');
      this.choose({ kind: kind as CropChoice['kind'], index: Number(index) });
    });
    const step = (by: number): void => {
      this.set({ draw: Math.max(0, this.state.draw + by) });
      this.choose({ ...this.state.choice, centre: undefined, size: undefined });
    };
    const augment = (name: keyof CropsState['augment'], text: string): HTMLElement =>
      checkbox(
        text,
        state.augment[name],
        (on) => {
          this.set({ augment: { ...this.state.augment, [name]: on } });
          void this.cut();
        },
        `augment-${name}`,
      );
    const toolbar = element(
      'div',
      { class: 'toolbar' },
      element('label', { class: 'field' }, 'Case', this.cases),
      element('label', { class: 'field' }, 'Crop', this.choices),
      element(
        'span',
        { class: 'field' },
        button('‹', () => step(-1), { id: 'previous-draw', title: 'The draw of the epoch before' }),
        this.epoch,
        button('›', () => step(1), { id: 'next-draw', title: 'The draw of the next epoch' }),
      ),
      augment('flip', 'Flips'),
      augment('rotate', 'Turns'),
      augment('shift', 'Intensity shift'),
    );
    const side = element(
      'aside',
      { 'aria-label': 'The crop' },
      element('section', {}, this.where, this.fields.node, this.back, this.label),
      this.network.node,
      this.crops,
    );
    const [axial, ...others] = this.tiles.map(({ node }) => node);
    this.app.append(
      element('header', {}, toolbar, this.message),
      this.strip,
      element('div', { class: 'body' }, element('div', { class: 'slices' }, axial, this.scene.node, ...others), side),
    );
  }

  private show(preview: CropsPreview, request: CropRequest): void {
    const other = this.preview?.volume.version !== preview.volume.version;
    const outdated = other || JSON.stringify(this.preview?.grid) !== JSON.stringify(preview.grid);
    this.preview = preview;
    this.say(preview.warnings);
    if (other) {
      this.store = this.newStore();
      this.body = undefined;
      this.strip.replaceChildren(...stageCards(preview.stages ?? []));
      void this.fetchBody(preview.volume.version);
    }
    const { size } = preview.volume;
    const { place } = this.state;
    if (!place || place.some((at, axis) => at >= size[axis]!)) this.set({ place: undefined });
    this.cases.replaceChildren(...preview.cases.map((name) => element('option', {}, name)));
    this.cases.selectedIndex = Math.min(this.state.caseIndex, preview.cases.length - 1);
    this.listChoices(preview);
    // The user may have chosen another crop meanwhile: that one is on its way.
    if (sameRequest(request, this.request())) this.showCrop(preview.crop, request);
    else void this.cut();
    if (outdated) this.network.outdate();
  }

  private async fetchBody(version: number): Promise<void> {
    try {
      const body = await this.host.call('body', null);
      if (this.preview?.volume.version !== version) return;
      this.body = body;
      this.redraw();
    } catch (error) {
      this.fail(error);
    }
  }

  private listChoices({ randomCrops, grid }: CropsPreview): void {
    const bases = grid.counts[0] * grid.counts[1] * grid.counts[2];
    const option = (kind: CropChoice['kind'], index: number, text: string): HTMLElement =>
      element('option', { value: `${kind}/${index}` }, text);
    this.choices.replaceChildren(
      ...Array.from({ length: randomCrops }, (_, i) => option('random', i, `random crop ${i + 1}`)),
      ...Array.from({ length: bases }, (_, i) => option('base', i, `base crop ${i + 1}`)),
    );
    const { kind, index } = this.state.choice;
    const limit = kind === 'random' ? randomCrops : bases;
    this.choices.value = `${kind}/${Math.min(index, limit - 1)}`;
  }

  private choose(choice: CropChoice): void {
    this.set({ choice, place: undefined });
    this.choices.value = `${choice.kind}/${choice.index}`;
    void this.cut();
  }

  /** Asks for the crop that is chosen; the last wish counts. */
  private async cut(): Promise<void> {
    this.cutAgain = this.cutting;
    if (this.cutting || !this.preview) return;
    this.cutting = true;
    try {
      do {
        this.cutAgain = false;
        const request = this.request();
        this.showCrop(await this.host.call('crop', request), request);
      } while (this.cutAgain);
    } catch (error) {
      this.fail(error);
    } finally {
      this.cutting = false;
    }
  }

  private request(): CropRequest {
    const { choice, draw, augment } = this.state;
    return { choice, draw, augment };
  }

  private showCrop(crop: CropPreview, request: CropRequest): void {
    this.crop = crop;
    this.network.prediction = undefined;
    this.network.ask(request);
    this.describe(crop, this.preview!);
  }

  private describe(crop: CropPreview, { input }: CropsPreview): void {
    const { choice, draw } = this.state;
    this.epoch.textContent = `epoch ${draw + 1}`;
    const moved = choice.centre !== undefined || choice.size !== undefined;
    this.where.textContent = inWords(crop, moved);
    this.back.hidden = !moved;
    this.fields.show(crop.centre, crop.box, this.editable);
    this.showLabel();
    const row = (text: string, images: readonly GreyImage[]): HTMLElement[] => [
      element('h2', {}, text),
      element(
        'div',
        { class: 'row' },
        ...images.map((one, at) => greyCanvas(one, `${text}, across ${'zyx'[at]}`, true)),
      ),
    ];
    this.crops.replaceChildren(
      ...row(`Crop at ${input.join(' × ')}`, crop.plain),
      ...row('As the network sees it', crop.seen),
      element('p', { class: 'muted', id: 'augmentation' }, crop.augmentation),
    );
    this.app.dataset.cut = JSON.stringify([choice, draw, crop.centre]);
    this.redraw();
  }

  private showLabel(): void {
    const { crop, preview } = this;
    if (!crop || !preview) return;
    const predicted = crop.label && this.network.prediction?.predicted;
    const title = crop.label ? 'Position label: share of the crop in each base crop' : 'Base crops';
    const names =
      predicted && element('p', { class: 'key' }, element('span', {}, 'label'), element('span', {}, 'network'));
    const tables = labelTables(preview.grid, crop.label, predicted);
    this.label.replaceChildren(element('h2', {}, title), ...tables, ...(names ? [names] : []));
  }

  /** The network answered, or its answers became void. */
  private answered(): void {
    this.showLabel();
    this.redraw();
  }

  private get editable(): boolean {
    return this.state.choice.kind === 'random';
  }

  private newStore(): SliceStore {
    return new SliceStore(
      async (plane, indices) =>
        Promise.all(indices.map(async (index) => ({ index, ...(await this.host.call('slice', { plane, index })) }))),
      (plane) => this.preview?.volume.size[plane] ?? 0,
      () => this.redraw(),
      (error) => this.fail(error),
    );
  }

  private place(): Triple {
    return this.state.place ?? this.crop?.centre ?? [0, 0, 0];
  }

  private redraw(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      if (!this.preview) return;
      const { preview } = this;
      for (const tile of this.tiles) {
        const scene = { ...this.sliceOf(tile, preview), preview, crop: this.crop, editable: this.editable };
        tile.draw(slicePicture({ ...scene, report: this.network.shownReport }, this.errors));
      }
      this.drawScene(preview);
      this.app.dataset.drawn = String(this.tiles.every((tile) => tile.complete));
    });
  }

  private sliceOf(tile: Tile, { volume }: CropsPreview) {
    const { plane } = tile;
    const { spacing, size } = volume;
    const affine = [spacing[0], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[2], 0, 0, 0, 0, 1];
    const index = clamp(Math.round(this.place()[plane]), 0, size[plane] - 1);
    const { zoom, pan } = this;
    const view: SliceView = { plane, grid: { size, affine }, ...tile.size, zoom, pan, radiological: true };
    return { view, index, slice: this.store.want(plane, index, 0) };
  }

  private drawScene({ volume, grid }: CropsPreview): void {
    const report = this.network.shownReport;
    this.scene.draw({
      body: this.body,
      size: volume.size,
      spacing: volume.spacing,
      grid,
      label: this.crop?.label,
      box: this.crop?.box,
      lettered: volume.ras,
      asked: report && { positions: report.positions, top: errorTop(report) },
      colours: COLOURS,
    });
  }

  /** Where the crop is to be, and how large: the worker keeps it inside the grid. */
  private place3(centre: Triple, size: Triple): void {
    if (!this.editable || !this.preview) return;
    const { crop } = this.preview.grid;
    const usual = size.every((n, axis) => n === crop[axis]);
    this.set({ choice: { ...this.state.choice, centre, size: usual ? undefined : size }, place: undefined });
    void this.cut();
  }

  private scrollTo(plane: Plane, index: number): void {
    const size = this.preview?.volume.size;
    if (!size) return;
    const place = [...this.place()];
    place[plane] = clamp(index, 0, size[plane] - 1);
    this.set({ place: place as unknown as Triple });
    this.redraw();
  }

  private newTile(plane: Plane, name: string): Tile {
    const tile = new Tile(plane, name, this.actionsFor(plane));
    listenToBox(tile.node, {
      current: () => {
        if (!this.preview || !this.crop || !this.editable) return undefined;
        const { view, index } = this.sliceOf(tile, this.preview);
        const edges = edgesOn(this.crop.box, plane, index);
        return edges && { view, edges };
      },
      change: (edges, resized) => this.reshape(plane, edges, resized),
    });
    return tile;
  }

  /** The box of the crop was dragged on a slice. */
  private reshape(plane: Plane, { from, to }: Edges, resized: boolean): void {
    if (!this.crop || !this.preview) return;
    const { counts, crop } = this.preview.grid;
    const [centre, size] = [[...this.crop.centre], [...this.crop.box.size]];
    axesOf(plane).forEach((axis, i) => {
      const side = wholeVoxels(from[i]!, to[i]!, counts[axis]! * crop[axis]!);
      if (resized) size[axis] = side.size;
      centre[axis] = side.start + Math.floor(size[axis]! / 2);
    });
    this.place3(centre as unknown as Triple, size as unknown as Triple);
  }

  private actionsFor(plane: Plane): TileActions {
    const [across, up] = axesOf(plane);
    const move = (place: Place): void => {
      const centre = [...(this.crop?.centre ?? this.place())];
      [centre[across], centre[up]] = [Math.round(place[0]), Math.round(place[1])];
      if (this.crop) this.place3(centre as unknown as Triple, this.crop.box.size);
    };
    return {
      tool: () => 'crosshair',
      focus: () => undefined,
      point: move,
      hover: () => undefined,
      scroll: (slices) => this.scrollTo(plane, this.place()[plane] + slices),
      scrollTo: (index) => this.scrollTo(plane, index),
      window: () => undefined,
      pan: (dAcross, dUp) => {
        const spacing = this.preview?.volume.spacing ?? [1, 1, 1];
        const pan = [...this.pan];
        pan[across]! += dAcross * spacing[across]!;
        pan[up]! += dUp * spacing[up]!;
        this.pan = pan as unknown as Triple;
        this.redraw();
      },
      zoom: (factor) => {
        this.zoom = clamp(this.zoom * factor, 0.5, 20);
        this.redraw();
      },
      measure: () => undefined,
      key: (event) => this.key(plane, event),
    };
  }

  /** Arrow keys move the crop (8 voxels with Shift), with Ctrl they change its size; Page Up and Down go through slices. */
  private key(plane: Plane, event: KeyboardEvent): boolean {
    const [across, up] = axesOf(plane);
    const far = event.shiftKey ? 8 : 1;
    const moves: Record<string, readonly [axis: number, by: number]> = {
      ArrowLeft: [across, far],
      ArrowRight: [across, -far],
      ArrowUp: [up, far],
      ArrowDown: [up, -far],
    };
    const move = moves[event.key];
    if (move && this.crop) {
      const [centre, size] = [[...(this.state.choice.centre ?? this.crop.centre)], [...this.crop.box.size]];
      // Right and up make it larger, whatever side of the patient is there.
      const grow = { ArrowRight: far, ArrowUp: far }[event.key] ?? -far;
      if (event.ctrlKey || event.metaKey) size[move[0]]! += grow;
      else centre[move[0]]! += move[1];
      this.place3(centre as unknown as Triple, size as unknown as Triple);
      return true;
    }
    const step = { PageUp: 1, PageDown: -1 }[event.key];
    if (step === undefined) return false;
    this.scrollTo(plane, this.place()[plane] + step);
    return true;
  }

  private fail(error: unknown): void {
    this.say([error instanceof HostError ? error.message : `Internal error: ${String(error)}`]);
  }

  private say(lines: readonly string[]): void {
    this.message.textContent = lines.join('\n');
  }
}

const sameRequest = (a: CropRequest, b: CropRequest): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Size, place and main base crop of a crop. */
function inWords({ box, centre, label }: CropPreview, moved: boolean): string {
  const main = label ? label.indexOf(Math.max(...label)) : -1;
  const share = label ? `; ${Math.round(100 * label[main]!)} % of it in base crop ${main + 1}` : '';
  return `${box.size.join(' × ')} voxels around ${centre.join(', ')}${moved ? ' (changed by you)' : ''}${share}`;
}

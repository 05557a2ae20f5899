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
import { button } from '../ui/controls';
import { element } from '../ui/dom';
import { HostError, type Host } from '../ui/host';
import { onThemeChange } from '../ui/theme';
import { clamp, PLANES, type SliceView } from '../volume/geometry';
import { SliceStore } from '../volume/sliceStore';
import { Tile } from '../volume/tile';
import { listenToBox } from './boxHandles';
import { CropMoves } from './cropMoves';
import { ErrorSlices, errorTop } from './errorSlices';
import { CropFields } from './fields';
import { NetworkSection } from './network';
import { greyCanvas, labelTables, stageCards } from './pictures';
import { FIRST_TURN, Scene } from './scene';
import { COLOURS, edgesOn, slicePicture } from './slicePicture';
import { CropToolbar } from './toolbar';

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
  private asking = false;
  private askAgain = false;
  private cutting = false;
  private cutAgain = false;
  private scheduled = false;
  private body?: BodySurface;
  /** Version of the volume whose body was asked for. */
  private bodyOf?: number;
  private readonly tiles: Tile[];
  private readonly toolbar: CropToolbar;
  private readonly moves: CropMoves;
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
  private readonly where = element('p', { class: 'muted', id: 'where', role: 'status' });
  private readonly label = element('div', { id: 'label' });
  private readonly crops = element('div', { class: 'crops' });

  constructor(
    private readonly app: HTMLElement,
    private readonly host: Host<CropsContract, CropsState>,
  ) {
    this.state = { ...DEFAULT_STATE, ...host.savedState, file: decodeURI(app.dataset.file ?? '') };
    this.host.saveState(this.state);
    this.toolbar = this.newToolbar();
    this.moves = this.newMoves();
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

  private newToolbar(): CropToolbar {
    return new CropToolbar(this.state.augment, {
      chooseCase: (caseIndex) => {
        this.set({ caseIndex, place: undefined });
        this.choose({ kind: this.state.choice.kind, index: this.state.choice.index });
        void this.refresh();
      },
      choose: (choice) => this.choose(choice),
      step: (by) => {
        this.set({ draw: Math.max(0, this.state.draw + by) });
        this.choose({ ...this.state.choice, centre: undefined, size: undefined });
      },
      augment: (change) => {
        this.set({ augment: { ...this.state.augment, ...change } });
        void this.cut();
      },
    });
  }

  private newMoves(): CropMoves {
    const wished = (): CropPreview | undefined => {
      const { centre, size } = this.state.choice;
      const { crop } = this;
      // Keys that follow fast add up: what was asked for counts before it is answered.
      return crop && { ...crop, centre: centre ?? crop.centre, box: { ...crop.box, size: size ?? crop.box.size } };
    };
    const preview = (): CropsPreview | undefined => this.preview;
    return new CropMoves({
      get preview() {
        return preview();
      },
      get crop() {
        return wished();
      },
      place: () => this.place(),
      moveTo: (centre, size) => this.place3(centre, size),
      scrollTo: (plane, index) => this.scrollTo(plane, index),
      redraw: () => this.redraw(),
    });
  }

  private build(): void {
    const side = element(
      'aside',
      { 'aria-label': 'The crop' },
      element('section', {}, this.where, this.fields.node, this.back, this.label),
      this.network.node,
      this.crops,
    );
    const [axial, ...others] = this.tiles.map(({ node }) => node);
    this.app.append(
      element('header', {}, this.toolbar.node, this.message),
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
    }
    const { size } = preview.volume;
    const { place } = this.state;
    if (!place || place.some((at, axis) => at >= size[axis]!)) this.set({ place: undefined });
    this.toolbar.list(preview, this.state);
    // The user may have chosen another crop meanwhile: that one is on its way.
    if (sameRequest(request, this.request())) this.showCrop(preview.crop, request);
    else void this.cut();
    if (outdated) this.network.outdate();
  }

  /** The surface for the view in 3-D; asked for when the slices are there, which are not to wait for it. */
  private async fetchBody(version: number): Promise<void> {
    if (this.bodyOf === version) return;
    this.bodyOf = version;
    try {
      const body = await this.host.call('body', null);
      if (this.preview?.volume.version !== version) return;
      this.body = body;
      this.redraw();
    } catch (error) {
      this.fail(error);
    }
  }

  private choose(choice: CropChoice): void {
    this.set({ choice, place: undefined });
    this.toolbar.show(choice);
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
    const { choice } = this.state;
    if (choice.centre && sameRequest(request, this.request())) {
      // The grid may have stopped it: further keys start from where it is.
      this.set({ choice: { ...choice, centre: crop.centre, size: choice.size && crop.box.size } });
    }
    this.network.prediction = undefined;
    this.network.ask(request);
    this.describe(crop, this.preview!);
  }

  private describe(crop: CropPreview, { input }: CropsPreview): void {
    const { choice, draw } = this.state;
    this.toolbar.showDraw(draw);
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
      const drawn = this.tiles.every((tile) => tile.complete);
      this.app.dataset.drawn = String(drawn);
      if (drawn) void this.fetchBody(preview.volume.version);
    });
  }

  private sliceOf(tile: Tile, { volume }: CropsPreview) {
    const { plane } = tile;
    const { spacing, size } = volume;
    const affine = [spacing[0], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[2], 0, 0, 0, 0, 1];
    const index = clamp(Math.round(this.place()[plane]), 0, size[plane] - 1);
    const { zoom, pan } = this.moves;
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
    const tile = new Tile(plane, name, this.moves.actionsFor(plane));
    listenToBox(tile.node, {
      current: () => {
        if (!this.preview || !this.crop || !this.editable) return undefined;
        const { view, index } = this.sliceOf(tile, this.preview);
        const edges = edgesOn(this.crop.box, plane, index);
        return edges && { view, edges };
      },
      change: (edges, resized) => this.moves.reshape(plane, edges, resized),
    });
    return tile;
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

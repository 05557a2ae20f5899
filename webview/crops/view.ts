import type { Vec3 } from '../../src/geometry';
import type {
  BodySurface,
  CropChoice,
  CropPreview,
  CropRequest,
  CropsContract,
  CropsPreview,
  CropsState,
} from '../../src/protocol/crops';
import type { Plane } from '../../src/protocol/volume';
import { element } from '../ui/dom';
import { errorText, type Host } from '../ui/host';
import { onThemeChange } from '../ui/theme';
import { placesOf } from './answers';
import { coalesced } from './coalesce';
import { CropSection } from './cropSection';
import { errorTop } from './errorSlices';
import { NetworkSection } from './network';
import { stageCards } from './pictures';
import { FIRST_TURN, Scene } from './scene';
import { COLOURS } from './slicePicture';
import { CropSlices, scrolled, type SlicesStage } from './slices';
import { CropToolbar } from './toolbar';

const PREPARE_TIMEOUT_MS = 600_000;
const LAST_GOOD = 'The picture shows the last valid config until this is corrected.';

const DEFAULT_STATE: CropsState = {
  file: '',
  caseIndex: 0,
  draw: 0,
  choice: { kind: 'random', index: 0 },
  augment: { flip: true, rotate: true, shift: true },
};

/** The page: preprocessing steps above, slices with the grid and the crop, and beside them what goes in, is asked and answered. */
export class CropsView {
  private state: CropsState;
  private preview?: CropsPreview;
  private crop?: CropPreview;
  private scheduled = false;
  private body?: BodySurface;
  /** Version of the volume whose body was asked for. */
  private bodyOf?: number;
  private readonly toolbar: CropToolbar;
  private readonly slices: CropSlices;
  private readonly scene: Scene;
  private readonly network: NetworkSection;
  private readonly section = new CropSection({
    place: (centre, size) => this.place3(centre, size),
    back: () => this.choose({ ...this.state.choice, centre: undefined, size: undefined }),
  });
  private readonly message = element('div', { class: 'message error', role: 'status' });
  private readonly strip = element('section', { class: 'strip', 'aria-label': 'Preprocessing steps' });
  /** Asks what the config does now. */
  readonly refresh = coalesced(() => this.fetchPreview());
  /** Asks for the crop that is chosen. */
  private readonly cut = coalesced(() => this.fetchCrop());

  constructor(
    private readonly app: HTMLElement,
    private readonly host: Host<CropsContract, CropsState>,
  ) {
    this.state = { ...DEFAULT_STATE, ...host.savedState, file: decodeURI(app.dataset.file ?? '') };
    this.host.saveState(this.state);
    this.toolbar = this.newToolbar();
    this.slices = new CropSlices(this.stage(), host);
    const [azimuth, elevation] = this.state.turn ?? [FIRST_TURN.azimuth, FIRST_TURN.elevation];
    this.scene = new Scene({ azimuth, elevation }, (turn) => this.set({ turn: [turn.azimuth, turn.elevation] }));
    this.network = new NetworkSection({
      host,
      state: () => this.state,
      set: (change) => this.set(change),
      changed: () => this.answered(),
    });
    this.build();
    onThemeChange(() => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(app);
  }

  private async fetchPreview(): Promise<void> {
    this.app.dataset.busy = 'true';
    try {
      const request = this.request();
      const params = { caseIndex: this.state.caseIndex, crop: request, known: this.preview?.volume.version };
      const answer = await this.host.call('preview', params, PREPARE_TIMEOUT_MS);
      if ('problems' in answer) this.say(this.preview ? [...answer.problems, LAST_GOOD] : answer.problems);
      else this.show(answer, request);
    } catch (error) {
      this.fail(error);
    } finally {
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

  /** What the slices may see of the page. */
  private stage(): SlicesStage {
    const own = (): this => this;
    return {
      get preview() {
        return own().preview;
      },
      get crop() {
        return own().crop;
      },
      get wished() {
        return own().wished();
      },
      get editable() {
        return own().editable;
      },
      get report() {
        return own().network.shownReport;
      },
      place: () => this.place(),
      moveTo: (centre, size) => this.place3(centre, size),
      scrollTo: (plane, index) => this.scrollTo(plane, index),
      redraw: () => this.redraw(),
      fail: (error) => this.fail(error),
    };
  }

  /** Keys that follow fast add up: what was asked for counts before it is answered. */
  private wished(): CropPreview | undefined {
    const { centre, size } = this.state.choice;
    const { crop } = this;
    return crop && { ...crop, centre: centre ?? crop.centre, box: { ...crop.box, size: size ?? crop.box.size } };
  }

  private build(): void {
    const side = element(
      'aside',
      { 'aria-label': 'The crop' },
      this.section.node,
      this.network.node,
      this.section.pictures,
    );
    const [axial, ...others] = this.slices.nodes;
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
    this.network.turnTo(preview.task);
    this.say(preview.warnings);
    if (other) {
      this.slices.renew();
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

  private async fetchCrop(): Promise<void> {
    if (!this.preview) return;
    try {
      const request = this.request();
      this.showCrop(await this.host.call('crop', request), request);
    } catch (error) {
      this.fail(error);
    }
  }

  private request(): CropRequest {
    const { choice, draw, augment } = this.state;
    return { choice, draw, augment };
  }

  private showCrop(crop: CropPreview, request: CropRequest): void {
    this.crop = crop;
    // The grid may lie elsewhere in each draw.
    if (crop.grid && this.preview) this.preview = { ...this.preview, grid: crop.grid };
    const { choice } = this.state;
    if (choice.centre && sameRequest(request, this.request())) {
      // The grid may have stopped it: further keys start from where it is.
      this.set({ choice: { ...choice, centre: crop.centre, size: choice.size && crop.box.size } });
    }
    this.network.ask(request);
    this.describe(crop, this.preview!);
  }

  private describe(crop: CropPreview, preview: CropsPreview): void {
    const { choice, draw } = this.state;
    this.toolbar.showDraw(draw);
    this.section.show(crop, choice, preview);
    this.showLabel();
    this.app.dataset.cut = JSON.stringify([choice, draw, crop.centre]);
    this.redraw();
  }

  private showLabel(): void {
    const { crop, preview } = this;
    if (!crop || !preview) return;
    const { prediction, answer } = this.network;
    this.section.showLabel(crop, preview.grid, prediction?.predicted ?? placesOf(answer));
    this.section.showAnswer(answer);
  }

  /** The network answered, or its answers became void. */
  private answered(): void {
    this.showLabel();
    this.redraw();
  }

  private get editable(): boolean {
    return this.state.choice.kind === 'random';
  }

  private place(): Vec3 {
    return this.state.place ?? this.crop?.centre ?? [0, 0, 0];
  }

  private redraw(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      if (!this.preview) return;
      const { preview } = this;
      this.slices.draw(preview);
      this.drawScene(preview);
      const drawn = this.slices.complete;
      this.app.dataset.drawn = String(drawn);
      if (drawn) void this.fetchBody(preview.volume.version);
    });
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
  private place3(centre: Vec3, size: Vec3): void {
    if (!this.editable || !this.preview) return;
    const { grid, task } = this.preview;
    const usual = !task.resizable || size.every((n, axis) => n === grid.crop[axis]);
    this.set({ choice: { ...this.state.choice, centre, size: usual ? undefined : size }, place: undefined });
    void this.cut();
  }

  private scrollTo(plane: Plane, index: number): void {
    const size = this.preview?.volume.size;
    if (!size) return;
    this.set({ place: scrolled(this.place(), plane, index, size) });
    this.redraw();
  }

  private fail(error: unknown): void {
    this.say([errorText(error)]);
  }

  private say(lines: readonly string[]): void {
    this.message.textContent = lines.join('\n');
  }
}

const sameRequest = (a: CropRequest, b: CropRequest): boolean => JSON.stringify(a) === JSON.stringify(b);

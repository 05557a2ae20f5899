import type {
  CropChoice,
  CropPreview,
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
import { currentTheme, onThemeChange } from '../ui/theme';
import { axesOf, clamp, PLANES } from '../volume/geometry';
import type { BoxMark, Picture } from '../volume/picture';
import { SliceStore } from '../volume/sliceStore';
import { Tile, type Place, type TileActions } from '../volume/tile';
import { gridIndex, greyCanvas, labelTables, stageCards } from './pictures';

const PREPARE_TIMEOUT_MS = 600_000;
const GRID_COLOUR = '#4dc8ff';
const CROP_COLOUR = '#ffd34d';

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
  private readonly tiles: Tile[];
  private readonly message = element('div', { class: 'message error', role: 'status' });
  private readonly strip = element('section', { class: 'strip', 'aria-label': 'Preprocessing steps' });
  private readonly cases = element('select', { id: 'case', 'aria-label': 'Case' });
  private readonly choices = element('select', { id: 'choice', 'aria-label': 'Crop' });
  private readonly epoch = element('output', { id: 'epoch' });
  private readonly where = element('p', { class: 'muted', id: 'where' });
  private readonly label = element('div', { id: 'label' });
  private readonly crops = element('div', { class: 'crops' });

  constructor(
    private readonly app: HTMLElement,
    private readonly host: Host<CropsContract, CropsState>,
  ) {
    this.state = { ...DEFAULT_STATE, ...host.savedState, file: decodeURI(app.dataset.file ?? '') };
    this.host.saveState(this.state);
    this.tiles = PLANES.map(({ plane, name }) => new Tile(plane, name, this.actionsFor(plane)));
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
        const answer = await this.host.call('preview', { caseIndex: this.state.caseIndex }, PREPARE_TIMEOUT_MS);
        if ('problems' in answer) this.say(answer.problems.join('\n'));
        else await this.show(answer);
      } while (this.askAgain);
    } catch (error) {
      this.say(error instanceof HostError ? error.message : `Internal error: ${String(error)}`);
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
      this.choose({ ...this.state.choice, centre: undefined });
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
    const side = element('aside', { 'aria-label': 'The crop' }, this.where, this.label, this.crops);
    this.app.append(
      element('header', {}, toolbar, this.message),
      this.strip,
      element(
        'div',
        { class: 'body' },
        element('div', { class: 'slices' }, ...this.tiles.map(({ node }) => node)),
        side,
      ),
    );
  }

  private async show(preview: CropsPreview): Promise<void> {
    const other = this.preview?.volume.version !== preview.volume.version;
    this.preview = preview;
    this.say(preview.warnings.join('\n'));
    if (other) {
      this.store = this.newStore();
      this.strip.replaceChildren(...stageCards(preview.stages));
    }
    const { size } = preview.volume;
    const { place } = this.state;
    if (!place || place.some((at, axis) => at >= size[axis]!)) this.set({ place: undefined });
    this.cases.replaceChildren(...preview.cases.map((name) => element('option', {}, name)));
    this.cases.selectedIndex = Math.min(this.state.caseIndex, preview.cases.length - 1);
    this.listChoices(preview);
    await this.cut();
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
        const { choice, draw, augment } = this.state;
        this.crop = await this.host.call('crop', { choice, draw, augment });
        this.describe(this.crop, this.preview);
      } while (this.cutAgain);
    } catch (error) {
      this.say(error instanceof HostError ? error.message : `Internal error: ${String(error)}`);
    } finally {
      this.cutting = false;
    }
  }

  private describe(crop: CropPreview, { grid, input }: CropsPreview): void {
    const { choice, draw } = this.state;
    this.epoch.textContent = `epoch ${draw + 1}`;
    const moved = choice.centre ? ' (moved by you)' : '';
    this.where.textContent = `${grid.crop.join(' × ')} voxels around ${crop.centre.join(', ')}${moved}`;
    const title = crop.label ? 'Position label: share of the crop in each base crop' : 'Base crops';
    this.label.replaceChildren(element('h2', {}, title), ...labelTables(grid, crop.label));
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

  private newStore(): SliceStore {
    return new SliceStore(
      async (plane, indices) =>
        Promise.all(indices.map(async (index) => ({ index, ...(await this.host.call('slice', { plane, index })) }))),
      (plane) => this.preview?.volume.size[plane] ?? 0,
      () => this.redraw(),
      (error) => this.say(String(error)),
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
      for (const tile of this.tiles) tile.draw(this.picture(tile, this.preview));
      this.app.dataset.drawn = String(this.tiles.every((tile) => tile.complete));
    });
  }

  private picture(tile: Tile, { volume, grid }: CropsPreview): Picture {
    const { plane } = tile;
    const { spacing, size } = volume;
    const affine = [spacing[0], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[2], 0, 0, 0, 0, 1];
    const index = clamp(Math.round(this.place()[plane]), 0, size[plane] - 1);
    const slice = this.store.want(plane, index, 0);
    const theme = currentTheme();
    return {
      view: { plane, grid: { size, affine }, ...tile.size, zoom: this.zoom, pan: this.pan, radiological: true },
      sheets: slice ? [{ slice, scaling: { slope: 1, intercept: 0 }, paint: { kind: 'grey', window: [0, 255] } }] : [],
      index,
      smooth: false,
      measurements: [],
      boxes: [...this.gridBoxes(plane, index, grid), ...this.cropBox(plane, index)],
      lettered: volume.ras,
      font: `600 ${Math.max(11, theme.fontSize - 1)}px ${theme.fontFamily}`,
      accent: theme.accent,
      late: !slice,
    };
  }

  /** Base crops that the slice passes through, numbered where there is room, stronger where the label is. */
  private gridBoxes(plane: Plane, index: number, grid: CropsPreview['grid']): BoxMark[] {
    const { counts, crop, origin } = grid;
    const layer = Math.floor((index - origin[plane]) / crop[plane]);
    if (layer < 0 || layer >= counts[plane]) return [];
    const [across, up] = axesOf(plane);
    const boxes: BoxMark[] = [];
    for (let a = 0; a < counts[across]!; a++) {
      for (let b = 0; b < counts[up]!; b++) {
        const at: [number, number, number] = [0, 0, 0];
        [at[plane], at[across], at[up]] = [layer, a, b];
        const number = gridIndex(counts, ...at);
        const from = [across, up].map((axis) => origin[axis]! + at[axis]! * crop[axis]! - 0.5) as [number, number];
        const to = [from[0] + crop[across]!, from[1] + crop[up]!] as const;
        const fill = 0.35 * Math.sqrt(this.crop?.label?.[number] ?? 0);
        boxes.push({ from, to, colour: GRID_COLOUR, width: 1, text: String(number + 1), fill });
      }
    }
    return boxes;
  }

  private cropBox(plane: Plane, index: number): BoxMark[] {
    const box = this.crop?.box;
    if (!box || index < box.start[plane] || index >= box.start[plane] + box.size[plane]) return [];
    const [across, up] = axesOf(plane);
    const from = [box.start[across]! - 0.5, box.start[up]! - 0.5] as const;
    const to = [from[0] + box.size[across]!, from[1] + box.size[up]!] as const;
    return [{ from, to, colour: CROP_COLOUR, width: 2.5 }];
  }

  /** Moves the random crop; a base crop stays where it is. */
  private moveTo(centre: Triple): void {
    if (this.state.choice.kind !== 'random') return;
    this.set({ choice: { ...this.state.choice, centre }, place: undefined });
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

  private actionsFor(plane: Plane): TileActions {
    const [across, up] = axesOf(plane);
    const move = (place: Place): void => {
      const centre = [...(this.crop?.centre ?? this.place())];
      [centre[across], centre[up]] = [Math.round(place[0]), Math.round(place[1])];
      this.moveTo(centre as unknown as Triple);
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

  /** Arrow keys move the crop (by 8 voxels with Shift), Page Up and Down the slice. */
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
      const centre = [...(this.state.choice.centre ?? this.crop.centre)];
      centre[move[0]]! += move[1];
      this.moveTo(centre as unknown as Triple);
      return true;
    }
    const step = { PageUp: 1, PageDown: -1 }[event.key];
    if (step === undefined) return false;
    this.scrollTo(plane, this.place()[plane] + step);
    return true;
  }

  private say(text: string): void {
    this.message.textContent = text;
  }
}

import type { Plane, Tool } from '../../src/protocol/volume';
import { element } from '../ui/dom';
import { fromCanvas, type SliceView } from './geometry';
import { drawPicture, lengthOf, SheetCanvas, type Measurement, type Picture } from './picture';

/** A place in a slice: fractional voxels along the two axes of its plane. */
export type PlanePoint = readonly [across: number, up: number];

/** What the user does on a slice. Distances are CSS pixels. */
export interface TileActions {
  tool(): Tool;
  focus(): void;
  point(place: PlanePoint): void;
  hover(place: PlanePoint | undefined): void;
  scroll(slices: number): void;
  scrollTo(index: number): void;
  window(dx: number, dy: number): void;
  /** Moves the view by so many voxels along the two axes of the plane. */
  pan(across: number, up: number): void;
  zoom(factor: number): void;
  measure(line: Measurement, done: boolean): void;
  key(event: KeyboardEvent): boolean;
}

/** Wheel distance that makes one slice. */
const WHEEL_STEP = 40;

/** One slice on a canvas with its slider: draws pictures, and turns mouse and keys into actions. */
export class Tile {
  readonly node: HTMLElement;
  private readonly canvas = element('canvas', { tabindex: 0, role: 'img' });
  private readonly slider = element('input', { type: 'range', min: 0, step: 1 });
  private readonly sheets: SheetCanvas[] = [];
  private picture?: Picture;
  private wheel = 0;

  constructor(
    readonly plane: Plane,
    private readonly name: string,
    private readonly actions: TileActions,
  ) {
    this.canvas.dataset.plane = String(plane);
    this.slider.setAttribute('aria-label', `${name} slice`);
    this.slider.addEventListener('input', () => actions.scrollTo(Number(this.slider.value)));
    this.node = element('div', { class: 'tile' }, element('div', { class: 'surface' }, this.canvas), this.slider);
    this.listen();
  }

  /** Size of the drawing area in CSS pixels. */
  get size(): { width: number; height: number } {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  /** Whether the slice that was asked for is on screen, with its overlay. */
  get complete(): boolean {
    return this.picture !== undefined && !this.picture.late && this.picture.sheets.length > 0;
  }

  draw(picture: Picture): void {
    this.picture = picture;
    const { view } = picture;
    if (view.width === 0 || view.height === 0) return;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    const context = this.canvas.getContext('2d')!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paint(context, picture);
    const depth = view.grid.size[this.plane]!;
    this.slider.max = String(depth - 1);
    this.slider.value = String(picture.index);
    this.slider.disabled = depth < 2;
    const distances = picture.measurements.map((line) => `, distance ${lengthOf(view, line).toFixed(1)} mm`).join('');
    const reading = picture.share === undefined ? '' : ', the volume is being read';
    this.canvas.setAttribute(
      'aria-label',
      `${this.name}, slice ${picture.index + 1} of ${depth}${reading}${distances}`,
    );
    this.canvas.dataset.index = String(picture.index);
    this.canvas.dataset.late = String(picture.late || picture.sheets.length === 0);
  }

  /** Draws the picture elsewhere, for the screenshot. */
  paint(context: CanvasRenderingContext2D, picture = this.picture): void {
    if (!picture) return;
    while (this.sheets.length < picture.sheets.length) this.sheets.push(new SheetCanvas());
    drawPicture(context, picture, this.sheets, true);
  }

  focus(): void {
    this.canvas.focus();
  }

  private get view(): SliceView | undefined {
    return this.picture?.view;
  }

  private placeOf(event: MouseEvent): PlanePoint | undefined {
    const box = this.canvas.getBoundingClientRect();
    return this.view && fromCanvas(this.view, event.clientX - box.left, event.clientY - box.top);
  }

  private listen(): void {
    const { canvas, actions } = this;
    canvas.addEventListener('focus', () => actions.focus());
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    canvas.addEventListener('pointerleave', () => actions.hover(undefined));
    canvas.addEventListener('pointermove', (event) => actions.hover(this.placeOf(event)));
    canvas.addEventListener('pointerdown', (event) => this.press(event));
    canvas.addEventListener('wheel', (event) => this.roll(event), { passive: false });
    canvas.addEventListener('keydown', (event) => {
      if (!actions.key(event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  private roll(event: WheelEvent): void {
    event.preventDefault();
    const delta = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * WHEEL_STEP;
    if (event.ctrlKey || event.metaKey) {
      this.actions.zoom(Math.exp(-delta / 400));
      return;
    }
    this.wheel += delta;
    const steps = Math.trunc(this.wheel / WHEEL_STEP);
    this.wheel -= steps * WHEEL_STEP;
    if (steps !== 0) this.actions.scroll(-steps);
  }

  /** A drag: with the left button what the tool says, with the right one the window, with the middle one the view. */
  private press(down: PointerEvent): void {
    const start = this.placeOf(down);
    if (!start) return;
    const { canvas, actions } = this;
    const tool: Tool = down.button === 2 ? 'window' : down.button === 1 ? 'pan' : actions.tool();
    down.preventDefault();
    canvas.focus();
    canvas.setPointerCapture(down.pointerId);
    if (tool === 'crosshair') actions.point(start);
    let [x, y] = [down.clientX, down.clientY];
    let last = start;
    const move = (event: PointerEvent): void => {
      const place = this.placeOf(event);
      if (!place) return;
      if (tool === 'crosshair') actions.point(place);
      else if (tool === 'window') actions.window(event.clientX - x, event.clientY - y);
      else if (tool === 'measure') actions.measure({ from: start, to: place }, false);
      else this.dragView(event.clientX - x, event.clientY - y);
      [x, y, last] = [event.clientX, event.clientY, place];
    };
    const up = (): void => {
      canvas.removeEventListener('pointermove', move);
      canvas.removeEventListener('pointerup', up);
      canvas.removeEventListener('pointercancel', up);
      if (tool === 'measure') actions.measure({ from: start, to: last }, true);
    };
    canvas.addEventListener('pointermove', move);
    canvas.addEventListener('pointerup', up);
    canvas.addEventListener('pointercancel', up);
  }

  private dragView(dx: number, dy: number): void {
    const { view } = this;
    if (!view) return;
    const [a, b] = [fromCanvas(view, 0, 0), fromCanvas(view, dx, dy)];
    this.actions.pan(a[0] - b[0], a[1] - b[1]);
  }
}

import { axesOf } from '../../src/geometry';
import type { Slice } from '../../src/protocol/volume';
import {
  paintErrors,
  paintGrey,
  paintHeat,
  paintLabels,
  paintScale,
  type ErrorPaint,
  type LabelPaint,
  type Scaling,
} from './raster';
import { lettersOf, scaleBar, scaleOf, spacingOf, toCanvas, toWorld, type SliceView } from './geometry';

/** How the voxels of one volume become colours. */
export type Paint =
  | { readonly kind: 'grey'; readonly window: readonly [number, number] }
  | { readonly kind: 'scale'; readonly window: readonly [number, number]; readonly opacity: number }
  | { readonly kind: 'heat'; readonly window: readonly [number, number]; readonly opacity: number }
  | ({ readonly kind: 'labels' } & LabelPaint)
  | ({ readonly kind: 'error' } & ErrorPaint);

export interface Sheet {
  readonly slice: Slice;
  readonly scaling: Scaling;
  readonly paint: Paint;
}

/** A straight line between two places of a slice, in voxels along its two axes. */
export interface Measurement {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  /** Still being drawn. */
  readonly open?: boolean;
}

/** A rectangle on a slice, in voxels along its two axes: voxel n covers n − 0.5 to n + 0.5. */
export interface BoxMark {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly colour: string;
  readonly width: number;
  /** Written in the middle. */
  readonly text?: string;
  /** Strength of a filling in the same colour, 0 to 1. */
  readonly fill?: number;
}

export interface Picture {
  readonly view: SliceView;
  /** Bottom first. */
  readonly sheets: readonly Sheet[];
  readonly index: number;
  /** Canonical position of the crosshair along the plane's axes; none while it is off. */
  readonly crosshair?: readonly [number, number];
  readonly smooth: boolean;
  readonly measurements: readonly Measurement[];
  readonly boxes?: readonly BoxMark[];
  /** Whether the axes are known to be the patient's. */
  readonly lettered?: boolean;
  readonly font: string;
  readonly accent: string;
  /** Whether the slice shown is still an earlier one. */
  readonly late: boolean;
  /** While the volume is read: how much of it is there, 0 to 1. */
  readonly share?: number;
}

/** A slice in colours on a canvas of its own size, painted again only when something changed. */
export class SheetCanvas {
  readonly canvas = document.createElement('canvas');
  private painted?: Sheet;
  private image?: ImageData;

  paint(sheet: Sheet): void {
    if (this.painted && sameSheet(this.painted, sheet)) return;
    this.painted = sheet;
    const { slice, scaling, paint } = sheet;
    const { width, height } = slice;
    if (this.image?.width !== width || this.image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = new ImageData(width, height);
    }
    const { data } = this.image;
    if (paint.kind === 'grey') paintGrey(slice, scaling, paint.window, data);
    else if (paint.kind === 'heat') paintHeat(slice, scaling, paint.window, paint.opacity, data);
    else if (paint.kind === 'scale') paintScale(slice, scaling, paint.window, paint.opacity, data);
    else if (paint.kind === 'error') paintErrors(slice, scaling, paint, data);
    else paintLabels(slice, scaling, paint, data);
    this.canvas.getContext('2d')!.putImageData(this.image, 0, 0);
  }
}

function sameSheet(a: Sheet, b: Sheet): boolean {
  if (a.slice !== b.slice || a.paint.kind !== b.paint.kind) return false;
  const [p, q] = [a.paint as Record<string, unknown>, b.paint as Record<string, unknown>];
  return Object.keys(q).every((name) => {
    const [x, y] = [p[name], q[name]];
    return Array.isArray(x) && Array.isArray(y) ? x.every((value, i) => value === y[i]) : x === y;
  });
}

/** Draws the sheets of a slice, and on top of them what is measured and named. */
export function drawPicture(
  context: CanvasRenderingContext2D,
  picture: Picture,
  sheets: readonly SheetCanvas[],
  annotated: boolean,
): void {
  const { view } = picture;
  context.fillStyle = '#000';
  context.fillRect(0, 0, view.width, view.height);
  picture.sheets.forEach((sheet, at) => {
    const canvas = sheets[at]!;
    canvas.paint(sheet);
    const [x0, y0] = toCanvas(view, -0.5, -0.5);
    const [x1, y1] = toCanvas(view, sheet.slice.width - 0.5, sheet.slice.height - 0.5);
    context.save();
    context.imageSmoothingEnabled = picture.smooth && sheet.paint.kind === 'grey';
    context.imageSmoothingQuality = 'high';
    context.setTransform(context.getTransform().multiply(new DOMMatrix([Math.sign(x1 - x0), 0, 0, -1, x0, y0])));
    context.drawImage(canvas.canvas, 0, 0, Math.abs(x1 - x0), Math.abs(y1 - y0));
    context.restore();
  });
  if (!annotated) return;
  for (const box of picture.boxes ?? []) drawBox(context, picture, box);
  if (picture.crosshair) drawCrosshair(context, picture, picture.crosshair);
  for (const measurement of picture.measurements) drawMeasurement(context, picture, measurement);
  drawTexts(context, picture);
}

function drawBox(context: CanvasRenderingContext2D, picture: Picture, box: BoxMark): void {
  const [x0, y0] = toCanvas(picture.view, ...box.from);
  const [x1, y1] = toCanvas(picture.view, ...box.to);
  const [left, top] = [Math.min(x0, x1), Math.min(y0, y1)];
  const [width, height] = [Math.abs(x1 - x0), Math.abs(y1 - y0)];
  if (box.fill) {
    context.globalAlpha = box.fill;
    context.fillStyle = box.colour;
    context.fillRect(left, top, width, height);
    context.globalAlpha = 1;
  }
  context.strokeStyle = box.colour;
  context.lineWidth = box.width;
  context.strokeRect(left, top, width, height);
  if (box.text) label(context, picture, box.text, left + width / 2, top + height / 2, 'center', box.colour);
}

function drawCrosshair(context: CanvasRenderingContext2D, picture: Picture, at: readonly [number, number]): void {
  const { view } = picture;
  const [x, y] = toCanvas(view, at[0], at[1]).map((value) => Math.round(value) + 0.5) as [number, number];
  const gap = 10;
  context.beginPath();
  for (const [ax, ay, bx, by] of [
    [0, y, x - gap, y],
    [x + gap, y, view.width, y],
    [x, 0, x, y - gap],
    [x, y + gap, x, view.height],
  ] as const) {
    context.moveTo(ax, ay);
    context.lineTo(bx, by);
  }
  context.strokeStyle = 'rgba(77, 200, 255, 0.75)';
  context.lineWidth = 1;
  context.stroke();
}

/** Millimetres between the ends of a measurement. */
export function lengthOf(view: SliceView, { from, to }: Measurement): number {
  const [across, up] = axesOf(view.plane);
  const place = (point: readonly [number, number]) => {
    const index: [number, number, number] = [0, 0, 0];
    index[across] = point[0];
    index[up] = point[1];
    return toWorld(view.grid, index);
  };
  const [a, b] = [place(from), place(to)];
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function drawMeasurement(context: CanvasRenderingContext2D, picture: Picture, measurement: Measurement): void {
  const { view } = picture;
  const [x0, y0] = toCanvas(view, ...measurement.from);
  const [x1, y1] = toCanvas(view, ...measurement.to);
  context.strokeStyle = '#ffd34d';
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
  context.fillStyle = '#ffd34d';
  for (const [x, y] of [
    [x0, y0],
    [x1, y1],
  ] as const) {
    context.beginPath();
    context.arc(x, y, 3, 0, 2 * Math.PI);
    context.fill();
  }
  const text = `${lengthOf(view, measurement).toFixed(1)} mm`;
  label(context, picture, text, (x0 + x1) / 2 + 8, (y0 + y1) / 2 - 8, 'left', '#ffd34d');
}

/** Text that can be read on any grey: with a dark edge. */
function label(
  context: CanvasRenderingContext2D,
  picture: Picture,
  text: string,
  x: number,
  y: number,
  align: CanvasTextAlign,
  colour = '#fff',
): void {
  context.font = picture.font;
  context.textAlign = align;
  context.textBaseline = 'middle';
  context.lineWidth = 3;
  context.lineJoin = 'round';
  context.strokeStyle = 'rgba(0, 0, 0, 0.85)';
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

function drawLetters(context: CanvasRenderingContext2D, picture: Picture): void {
  const { view } = picture;
  const letters = lettersOf(view.plane, view.radiological);
  label(context, picture, letters.left, 8, view.height / 2, 'left');
  label(context, picture, letters.right, view.width - 8, view.height / 2, 'right');
  label(context, picture, letters.top, view.width / 2, 12, 'center');
  label(context, picture, letters.bottom, view.width / 2, view.height - 12, 'center');
}

function drawTexts(context: CanvasRenderingContext2D, picture: Picture): void {
  const { view } = picture;
  if (picture.lettered !== false) drawLetters(context, picture);
  const depth = view.grid.size[view.plane]!;
  const place = toWorld(
    view.grid,
    view.grid.size.map((n, axis) => (axis === view.plane ? picture.index : (n - 1) / 2)) as never,
  );
  const late = picture.share === undefined ? ' …' : ` · reading ${Math.round(100 * picture.share)} %`;
  label(context, picture, `${picture.index + 1} / ${depth}${picture.late ? late : ''}`, 8, 12, 'left');
  if (view.width > 220) label(context, picture, `${place[view.plane]!.toFixed(1)} mm`, view.width - 8, 12, 'right');
  drawScaleBar(context, picture);
}

function drawScaleBar(context: CanvasRenderingContext2D, picture: Picture): void {
  const { view } = picture;
  if (view.width < 120 || Math.min(...spacingOf(view.grid)) <= 0) return;
  const { mm, pixels } = scaleBar(scaleOf(view), view.width / 3);
  const [x, y] = [8.5, Math.round(view.height - 10) + 0.5];
  context.beginPath();
  context.moveTo(x, y - 4);
  context.lineTo(x, y);
  context.lineTo(x + pixels, y);
  context.lineTo(x + pixels, y - 4);
  context.lineWidth = 3;
  context.strokeStyle = 'rgba(0, 0, 0, 0.85)';
  context.stroke();
  context.lineWidth = 1;
  context.strokeStyle = '#fff';
  context.stroke();
  label(context, picture, mm >= 10 ? `${mm / 10} cm` : `${mm} mm`, x + 2, y - 12, 'left');
}

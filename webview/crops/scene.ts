import { mapAxes, mapVec3, type Box, type Vec3 } from '../../src/geometry';
import type { BodySurface, CropGridPreview } from '../../src/protocol/crops';
import type { LocatedPosition } from '../../src/protocol/locate';
import { element } from '../ui/dom';
import { currentTheme } from '../ui/theme';
import { scaleColour } from '../volume/raster';
import { BodyPicture } from './body';
import { Camera, edgesOf, faceOf, type Turn } from './camera';
import { gridIndex } from './pictures';

export interface SceneContent {
  readonly body: BodySurface | undefined;
  readonly size: Vec3;
  readonly spacing: Vec3;
  readonly grid: CropGridPreview;
  readonly label: ArrayLike<number> | undefined;
  readonly box: Box | undefined;
  readonly lettered: boolean;
  /** What the network was asked, in the colours of 0 to `top` millimetres. */
  readonly asked: { readonly positions: readonly LocatedPosition[]; readonly top: number } | undefined;
  readonly colours: { readonly grid: string; readonly crop: string };
}

export const FIRST_TURN: Turn = { azimuth: -24, elevation: 42 };
/** Pieces a line is cut into to tell what of it is hidden. */
const PIECES = 48;
const STEP = 5;
/** Length of an arm of the compass with its letter, CSS pixels. */
const COMPASS = 32;
/** How much of the axial side must be seen for the numbers to stand there: the sine of the elevation. */
const STEEP = 0.35;

/** The volume's body with the grid, the crop and what the network answered, turned by dragging or with the arrow keys. */
export class Scene {
  readonly node: HTMLElement;
  private readonly canvas = element('canvas', { tabindex: 0, role: 'img', id: 'scene' });
  private readonly bodyPicture = new BodyPicture();
  private content?: SceneContent;

  constructor(
    private turn: Turn,
    private readonly turned: (turn: Turn) => void,
  ) {
    this.node = element('div', { class: 'tile' }, element('div', { class: 'surface scene' }, this.canvas));
    this.listen();
  }

  draw(content: SceneContent): void {
    this.content = content;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (width === 0 || height === 0) return;
    const ratio = devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w) this.canvas.width = w;
    if (this.canvas.height !== h) this.canvas.height = h;
    const context = this.canvas.getContext('2d')!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
    const lengths = content.size.map((n, axis) => n * content.spacing[axis]!);
    const scale = (0.98 * Math.min(width, height)) / Math.hypot(...lengths);
    new ScenePainter(context, content, new Camera(this.turn, scale, [width / 2, height / 2]), this.bodyPicture).paint();
    const { azimuth, elevation } = this.turn;
    this.canvas.setAttribute(
      'aria-label',
      `3-D view of the body, the grid and the crop, seen from ${azimuth}° around and ${elevation}° above; arrow keys turn it, Home turns it back`,
    );
    this.canvas.dataset.body = String(content.body !== undefined);
  }

  private turnTo(azimuth: number, elevation: number): void {
    const wrapped = ((((azimuth + 180) % 360) + 360) % 360) - 180;
    this.turn = { azimuth: Math.round(wrapped), elevation: Math.round(Math.max(-90, Math.min(90, elevation))) };
    this.turned(this.turn);
    if (this.content) this.draw(this.content);
  }

  private listen(): void {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (down) => {
      canvas.focus();
      canvas.setPointerCapture(down.pointerId);
      const { azimuth, elevation } = this.turn;
      const move = (event: PointerEvent): void =>
        this.turnTo(azimuth + (event.clientX - down.clientX) / 2, elevation + (event.clientY - down.clientY) / 2);
      const end = (): void => {
        canvas.removeEventListener('pointermove', move);
        canvas.removeEventListener('pointerup', end);
        canvas.removeEventListener('pointercancel', end);
      };
      canvas.addEventListener('pointermove', move);
      canvas.addEventListener('pointerup', end);
      canvas.addEventListener('pointercancel', end);
    });
    canvas.addEventListener('keydown', (event) => {
      const far = event.shiftKey ? 4 * STEP : STEP;
      const turns: Record<string, [number, number]> = {
        ArrowLeft: [-far, 0],
        ArrowRight: [far, 0],
        ArrowUp: [0, -far],
        ArrowDown: [0, far],
      };
      const by = turns[event.key];
      if (!by && event.key !== 'Home') return;
      event.preventDefault();
      if (by) this.turnTo(this.turn.azimuth + by[0], this.turn.elevation + by[1]);
      else this.turnTo(FIRST_TURN.azimuth, FIRST_TURN.elevation);
    });
  }
}

/** Draws one picture. */
class ScenePainter {
  private hidden: (at: Vec3) => boolean = () => false;

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly content: SceneContent,
    private readonly camera: Camera,
    private readonly body: BodyPicture,
  ) {}

  paint(): void {
    const { content, camera, context } = this;
    if (content.body) {
      const { size, spacing, body } = content;
      const lengths = mapVec3(size, (n, axis) => n * spacing[axis]!);
      this.hidden = this.body.draw(context, body, lengths, camera);
    }
    this.paintShares();
    this.paintGrid();
    this.paintAsked();
    if (content.box) this.paintCrop(content.box);
    this.paintNumbers();
    if (content.lettered) this.paintCompass();
  }

  /** Voxel edges to millimetres from the middle. */
  private mm(place: Vec3): Vec3 {
    const { size, spacing } = this.content;
    return mapAxes((axis) => (place[axis]! - size[axis]! / 2) * spacing[axis]!);
  }

  private cell(i: number, j: number, k: number): { low: Vec3; high: Vec3 } {
    const { origin, crop } = this.content.grid;
    const index: Vec3 = [i, j, k];
    const low = mapVec3(index, (at, axis) => origin[axis]! + at * crop[axis]!);
    return { low, high: mapVec3(low, (at, axis) => at + crop[axis]!) };
  }

  private eachCell(visit: (index: number, i: number, j: number, k: number) => void): void {
    const { counts } = this.content.grid;
    for (let i = 0; i < counts[0]; i++)
      for (let j = 0; j < counts[1]; j++)
        for (let k = 0; k < counts[2]; k++) visit(gridIndex(counts, i, j, k), i, j, k);
  }

  /** The faces of a box that look at the viewer, filled. */
  private fill(low: Vec3, high: Vec3, colour: string, strength: number): void {
    const { context, camera } = this;
    context.fillStyle = colour;
    context.globalAlpha = strength;
    for (const axis of [0, 1, 2]) {
      const corners = faceOf(low, high, axis, camera.towards[axis]! > 0).map((corner) =>
        camera.project(this.mm(corner)),
      );
      context.beginPath();
      corners.forEach(([x, y], at) => (at === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
      context.fill();
    }
    context.globalAlpha = 1;
  }

  /** Lines in voxels: what lies behind the body is faint. */
  private lines(lines: readonly [Vec3, Vec3][], colour: string, width: number, faint: number): void {
    const { context, camera } = this;
    const [seen, behind] = [new Path2D(), new Path2D()];
    for (const [from, to] of lines) {
      const [a, b] = [camera.project(this.mm(from)), camera.project(this.mm(to))];
      let last: boolean | undefined;
      for (let piece = 0; piece < PIECES; piece++) {
        const at = (share: number): Vec3 => mapVec3(a, (value, i) => value + share * (b[i]! - value));
        const hidden = this.hidden(at((piece + 0.5) / PIECES));
        const path = hidden ? behind : seen;
        const [start, end] = [at(piece / PIECES), at((piece + 1) / PIECES)];
        if (hidden !== last) path.moveTo(start[0], start[1]);
        path.lineTo(end[0], end[1]);
        last = hidden;
      }
    }
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineJoin = 'round';
    context.globalAlpha = faint;
    context.stroke(behind);
    context.globalAlpha = 1;
    context.stroke(seen);
  }

  private paintShares(): void {
    const { label, colours } = this.content;
    if (!label) return;
    this.eachCell((index, i, j, k) => {
      const share = label[index] ?? 0;
      const { low, high } = this.cell(i, j, k);
      if (share > 0) this.fill(low, high, colours.grid, 0.3 * Math.sqrt(share));
    });
  }

  private paintGrid(): void {
    const { grid, colours } = this.content;
    const { counts, crop, origin } = grid;
    const lines: [Vec3, Vec3][] = [];
    for (const axis of [0, 1, 2] as const) {
      const [a, b] = [(axis + 1) % 3, (axis + 2) % 3] as [0 | 1 | 2, 0 | 1 | 2];
      for (let i = 0; i <= counts[a]; i++) {
        for (let j = 0; j <= counts[b]; j++) {
          const from = [...origin];
          from[a] = origin[a] + i * crop[a];
          from[b] = origin[b] + j * crop[b];
          const to = [...from];
          to[axis] = origin[axis] + counts[axis] * crop[axis];
          lines.push([from as unknown as Vec3, to as unknown as Vec3]);
        }
      }
    }
    this.lines(lines, colours.grid, 1, 0.28);
  }

  private paintCrop({ start, size }: Box): void {
    const { crop } = this.content.colours;
    const high = mapVec3(start, (at, axis) => at + size[axis]!);
    this.fill(start, high, crop, 0.16);
    this.lines(edgesOf(start, high), crop, 2, 0.55);
  }

  private paintAsked(): void {
    const { asked } = this.content;
    if (!asked) return;
    const { context, camera } = this;
    const drawn = asked.positions.map(({ centre, distance }) => ({ distance, at: camera.project(this.mm(centre)) }));
    context.lineWidth = 1;
    context.strokeStyle = 'rgba(0, 0, 0, 0.8)';
    for (const { distance, at } of drawn.sort((a, b) => a.at[2] - b.at[2])) {
      context.beginPath();
      context.arc(at[0], at[1], 3.5, 0, 2 * Math.PI);
      context.fillStyle = distance === null ? 'transparent' : `rgb(${scaleColour(distance / asked.top).join()})`;
      context.fill();
      context.stroke();
    }
  }

  private text(text: string, [x, y]: Vec3, colour: string): void {
    const { context } = this;
    const theme = currentTheme();
    context.font = `600 ${Math.max(11, theme.fontSize - 1)}px ${theme.fontFamily}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.lineWidth = 3;
    context.lineJoin = 'round';
    context.strokeStyle = 'rgba(0, 0, 0, 0.85)';
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  /** Numbers of the base crops, on the axial side of the grid unless that is seen from too flat. */
  private paintNumbers(): void {
    const { grid, colours } = this.content;
    const { towards } = this.camera;
    const largest = Math.abs(towards[0]) > Math.abs(towards[1]) ? 0 : 1;
    const axis = Math.abs(towards[2]) > STEEP ? 2 : largest;
    const near = towards[axis]! > 0;
    this.eachCell((index, ...at) => {
      if (at[axis] !== (near ? grid.counts[axis]! - 1 : 0)) return;
      const { low, high } = this.cell(...at);
      const middle = low.map((value, i) => (value + high[i]!) / 2);
      middle[axis] = (near ? high : low)[axis]!;
      this.text(String(index + 1), this.camera.project(this.mm(middle as unknown as Vec3)), colours.grid);
    });
  }

  /** Where the patient's right, front and head are, in a corner. */
  private paintCompass(): void {
    const { context, camera } = this;
    const from = [COMPASS + 12, context.canvas.clientHeight - COMPASS - 12] as const;
    ['R', 'A', 'S'].forEach((letter, axis) => {
      context.lineWidth = 1.5;
      context.strokeStyle = '#fff';
      const by = (length: number): Vec3 => [
        from[0] + length * camera.right[axis]!,
        from[1] - length * camera.up[axis]!,
        0,
      ];
      const end = by(COMPASS - 12);
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(end[0], end[1]);
      context.stroke();
      this.text(letter, by(COMPASS), '#fff');
    });
  }
}

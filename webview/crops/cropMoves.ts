import { axesOf } from '../../src/geometry';
import type { Vec3 } from '../../src/geometry';
import type { CropPreview, CropsPreview } from '../../src/protocol/crops';
import type { Plane } from '../../src/protocol/volume';
import { clamp } from '../volume/geometry';
import type { PlanePoint, TileActions } from '../volume/tile';
import { wholeVoxels, type Edges } from './boxHandles';

/** What moving and resizing a crop on the slices needs of the page. */
export interface CropStage {
  readonly preview: CropsPreview | undefined;
  readonly crop: CropPreview | undefined;
  /** Where the slices are. */
  place(): Vec3;
  /** Where the crop is to be, and how large. */
  moveTo(centre: Vec3, size: Vec3): void;
  scrollTo(plane: Plane, index: number): void;
  redraw(): void;
}

const triple = (values: readonly number[]): Vec3 => values as unknown as Vec3;

/** Turns mouse and keys on the slices into a crop that moves, and keeps zoom and place of the view. */
export class CropMoves {
  zoom = 1;
  /** Millimetres along the axes. */
  pan: Vec3 = [0, 0, 0];

  constructor(private readonly stage: CropStage) {}

  /** The box of the crop was dragged on a slice. */
  reshape(plane: Plane, { from, to }: Edges, resized: boolean): void {
    const { crop: shown, preview } = this.stage;
    if (!shown || !preview) return;
    const { counts, crop } = preview.grid;
    const most = (axis: number): number =>
      preview.task.resizable ? counts[axis]! * crop[axis]! : preview.volume.size[axis]!;
    const [centre, size] = [[...shown.centre], [...shown.box.size]];
    axesOf(plane).forEach((axis, i) => {
      const side = wholeVoxels(from[i]!, to[i]!, most(axis));
      if (resized) size[axis] = side.size;
      centre[axis] = side.start + Math.floor(size[axis]! / 2);
    });
    this.stage.moveTo(triple(centre), triple(size));
  }

  actionsFor(plane: Plane): TileActions {
    const { stage } = this;
    const nothing = (): void => undefined;
    return {
      tool: () => 'crosshair',
      focus: nothing,
      point: (place) => this.point(plane, place),
      hover: nothing,
      scroll: (slices) => stage.scrollTo(plane, stage.place()[plane] + slices),
      scrollTo: (index) => stage.scrollTo(plane, index),
      window: nothing,
      pan: (dAcross, dUp) => this.panBy(plane, dAcross, dUp),
      zoom: (factor) => {
        this.zoom = clamp(this.zoom * factor, 0.5, 20);
        stage.redraw();
      },
      measure: nothing,
      key: (event) => this.key(plane, event),
    };
  }

  private point(plane: Plane, place: PlanePoint): void {
    const { crop } = this.stage;
    if (!crop) return;
    const [across, up] = axesOf(plane);
    const centre = [...crop.centre];
    [centre[across], centre[up]] = [Math.round(place[0]), Math.round(place[1])];
    this.stage.moveTo(triple(centre), crop.box.size);
  }

  private panBy(plane: Plane, dAcross: number, dUp: number): void {
    const [across, up] = axesOf(plane);
    const spacing = this.stage.preview?.volume.spacing ?? [1, 1, 1];
    const pan = [...this.pan];
    pan[across]! += dAcross * spacing[across]!;
    pan[up]! += dUp * spacing[up]!;
    this.pan = triple(pan);
    this.stage.redraw();
  }

  /** Arrow keys move the crop (8 voxels with Shift), with Ctrl they change its size; Page Up and Down go through slices. */
  private key(plane: Plane, event: KeyboardEvent): boolean {
    const { stage } = this;
    const [across, up] = axesOf(plane);
    const far = event.shiftKey ? 8 : 1;
    const moves: Record<string, readonly [axis: number, by: number]> = {
      ArrowLeft: [across, far],
      ArrowRight: [across, -far],
      ArrowUp: [up, far],
      ArrowDown: [up, -far],
    };
    const move = moves[event.key];
    if (move && stage.crop) {
      const [centre, size] = [[...stage.crop.centre], [...stage.crop.box.size]];
      // Right and up make it larger, whatever side of the patient is there.
      const grow = { ArrowRight: far, ArrowUp: far }[event.key] ?? -far;
      if (event.ctrlKey || event.metaKey) {
        if (!stage.preview?.task.resizable) return false;
        size[move[0]]! += grow;
      } else centre[move[0]]! += move[1];
      stage.moveTo(triple(centre), triple(size));
      return true;
    }
    const step = { PageUp: 1, PageDown: -1 }[event.key];
    if (step === undefined) return false;
    stage.scrollTo(plane, stage.place()[plane] + step);
    return true;
  }
}

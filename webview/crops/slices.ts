import type { Vec3 } from '../../src/geometry';
import type { CropPreview, CropsContract, CropsPreview, CropsState } from '../../src/protocol/crops';
import type { LocateReport } from '../../src/protocol/locate';
import type { Plane } from '../../src/protocol/volume';
import type { Host } from '../ui/host';
import { clamp, PLANES, type SliceView } from '../volume/geometry';
import { SliceStore } from '../volume/sliceStore';
import { Tile } from '../volume/tile';
import { listenToBox } from './boxHandles';
import { CropMoves, type CropStage } from './cropMoves';
import { ErrorSlices } from './errorSlices';
import { edgesOn, slicePicture } from './slicePicture';

/** What the slices show, and what they may ask for. */
export interface SlicesStage extends Omit<CropStage, 'crop'> {
  readonly crop: CropPreview | undefined;
  /** The crop as it was asked for last, which may not be answered yet. */
  readonly wished: CropPreview | undefined;
  readonly editable: boolean;
  readonly report: LocateReport | undefined;
  fail(error: unknown): void;
}

/** The three slices, with the grid and the crop on them. */
export class CropSlices {
  private readonly tiles: readonly Tile[];
  private readonly moves: CropMoves;
  private readonly errors = new ErrorSlices();
  private store: SliceStore;

  constructor(
    private readonly stage: SlicesStage,
    private readonly host: Host<CropsContract, CropsState>,
  ) {
    this.moves = new CropMoves({
      get preview() {
        return stage.preview;
      },
      get crop() {
        return stage.wished;
      },
      place: () => stage.place(),
      moveTo: (centre, size) => stage.moveTo(centre, size),
      scrollTo: (plane, index) => stage.scrollTo(plane, index),
      redraw: () => stage.redraw(),
    });
    this.tiles = PLANES.map(({ plane, name }) => this.newTile(plane, name));
    this.store = this.newStore();
  }

  get nodes(): HTMLElement[] {
    return this.tiles.map(({ node }) => node);
  }

  /** Whether all slices are on screen that are to be seen. */
  get complete(): boolean {
    return this.tiles.every((tile) => tile.complete);
  }

  /** The volume is another one: its slices are asked for anew. */
  renew(): void {
    this.store = this.newStore();
  }

  draw(preview: CropsPreview): void {
    const { crop, editable, report } = this.stage;
    for (const tile of this.tiles) {
      const scene = { ...this.sliceOf(tile, preview), preview, crop, editable, report };
      tile.draw(slicePicture(scene, this.errors));
    }
  }

  private sliceOf(tile: Tile, { volume }: CropsPreview) {
    const { plane } = tile;
    const { spacing, size } = volume;
    const affine = [spacing[0], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[2], 0, 0, 0, 0, 1];
    const index = clamp(Math.round(this.stage.place()[plane]), 0, size[plane] - 1);
    const { zoom, pan } = this.moves;
    const view: SliceView = { plane, grid: { size, affine }, ...tile.size, zoom, pan, radiological: true };
    return { view, index, slice: this.store.want(plane, index, 0) };
  }

  private newStore(): SliceStore {
    return new SliceStore(
      async (plane, indices) =>
        Promise.all(indices.map(async (index) => ({ index, ...(await this.host.call('slice', { plane, index })) }))),
      (plane) => this.stage.preview?.volume.size[plane] ?? 0,
      () => this.stage.redraw(),
      (error) => this.stage.fail(error),
    );
  }

  private newTile(plane: Plane, name: string): Tile {
    const tile = new Tile(plane, name, this.moves.actionsFor(plane));
    listenToBox(tile.node, {
      current: () => {
        const { preview, crop, editable } = this.stage;
        if (!preview || !crop || !editable) return undefined;
        const { view, index } = this.sliceOf(tile, preview);
        const edges = edgesOn(crop.box, plane, index);
        return edges && { view, edges, fixed: !preview.task.resizable };
      },
      change: (edges, resized) => this.moves.reshape(plane, edges, resized),
    });
    return tile;
  }
}

/** Where a slice is moved to, inside the volume. */
export function scrolled(place: Vec3, plane: Plane, index: number, size: Vec3): Vec3 {
  const moved = [...place];
  moved[plane] = clamp(index, 0, size[plane] - 1);
  return moved as unknown as Vec3;
}

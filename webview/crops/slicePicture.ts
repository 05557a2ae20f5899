import { axesOf } from '../../src/geometry';
import type { Box, Vec3 } from '../../src/geometry';
import type { CropPreview, CropsPreview } from '../../src/protocol/crops';
import type { LocateReport } from '../../src/protocol/locate';
import type { Plane, Slice } from '../../src/protocol/volume';
import { currentTheme } from '../ui/theme';
import { toCanvas, type SliceView } from '../volume/geometry';
import type { BoxMark, Picture, Sheet } from '../volume/picture';
import { handleMarks, type Edges } from './boxHandles';
import { errorTop, type ErrorSlices } from './errorSlices';
import { gridIndex } from './pictures';

export const COLOURS = { grid: '#4dc8ff', crop: '#ffd34d' } as const;
const MAP_OPACITY = 0.55;

export interface SliceScene {
  readonly view: SliceView;
  readonly index: number;
  readonly slice: Slice | undefined;
  readonly preview: CropsPreview;
  readonly crop: CropPreview | undefined;
  /** Whether the crop can be moved and resized. */
  readonly editable: boolean;
  readonly report: LocateReport | undefined;
}

/** Edges of a box on a slice; undefined where the slice does not pass through it. */
export function edgesOn(box: Box, plane: Plane, index: number): Edges | undefined {
  if (index < box.start[plane] || index >= box.start[plane] + box.size[plane]) return undefined;
  const [across, up] = axesOf(plane);
  const from = [box.start[across]! - 0.5, box.start[up]! - 0.5] as const;
  return { from, to: [from[0] + box.size[across]!, from[1] + box.size[up]!] };
}

/** Width of a base crop on the screen, CSS pixels, in which its share is clear of the letters at the edge beside its number. */
const ROOM = 104;

/** Base crops that the slice passes through, numbered, stronger where the label is, and with their share. */
function gridBoxes({ view, index, preview, crop: drawn }: SliceScene): BoxMark[] {
  const { plane } = view;
  const { counts, crop, origin } = preview.grid;
  const label = drawn?.label;
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
      const share = label?.[number] ?? 0;
      const roomy = share >= 0.005 && Math.abs(toCanvas(view, ...to)[0] - toCanvas(view, ...from)[0]) > ROOM;
      const text = `${number + 1}${roomy ? ` · ${Math.round(100 * share)} %` : ''}`;
      boxes.push({ from, to, colour: COLOURS.grid, width: 1, text, fill: 0.35 * Math.sqrt(share) });
    }
  }
  return boxes;
}

function cropBoxes({ view, index, preview, crop, editable }: SliceScene): BoxMark[] {
  const edges = crop && edgesOn(crop.box, view.plane, index);
  if (!edges) return [];
  const box = { ...edges, colour: COLOURS.crop, width: 2.5 };
  return editable && preview.task.resizable ? [box, ...handleMarks(view, edges, COLOURS.crop)] : [box];
}

/** A slice with the grid, the crop and the error map. */
export function slicePicture(scene: SliceScene, errors: ErrorSlices): Picture {
  const { view, index, slice, preview, report } = scene;
  const { plane } = view;
  const theme = currentTheme();
  const scaling = { slope: 1, intercept: 0 };
  const sheets: Sheet[] = slice ? [{ slice, scaling, paint: { kind: 'grey', window: [0, 255] } }] : [];
  if (slice && report) {
    const map = errors.of(report, preview.volume.size as Vec3, plane, index);
    sheets.push({ slice: map, scaling, paint: { kind: 'scale', window: [0, errorTop(report)], opacity: MAP_OPACITY } });
  }
  return {
    view,
    sheets,
    index,
    smooth: false,
    measurements: [],
    boxes: [...gridBoxes(scene), ...cropBoxes(scene)],
    lettered: preview.volume.ras,
    font: `600 ${Math.max(11, theme.fontSize - 1)}px ${theme.fontFamily}`,
    accent: theme.accent,
    late: !slice,
  };
}

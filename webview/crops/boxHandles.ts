import { clamp, fromCanvas, toCanvas, type SliceView } from '../volume/geometry';
import type { BoxMark } from '../volume/picture';

/** A rectangle on a slice by its edges, in voxels along the two axes of the plane: voxel n covers n − 0.5 to n + 0.5. */
export interface Edges {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
}

/** What of the rectangle the pointer holds: −1 its low edge, 1 its high edge, 0 neither, along each axis. Both 0: all of it. */
type Grip = readonly [number, number];

/** CSS pixels around an edge that hold it, and length of a drawn handle. */
const REACH = 7;
const HANDLE = 7;

/** @param whole the box can only be moved */
function gripAt(view: SliceView, { from, to }: Edges, x: number, y: number, whole: boolean): Grip | undefined {
  const [x0, y0] = toCanvas(view, ...from);
  const [x1, y1] = toCanvas(view, ...to);
  const side = (at: number, low: number, high: number): number | undefined => {
    const reach = Math.min(REACH, Math.abs(high - low) / 3);
    if (at < Math.min(low, high) - REACH || at > Math.max(low, high) + REACH) return undefined;
    if (Math.abs(at - low) <= reach || (low < high ? at < low : at > low)) return -1;
    return Math.abs(at - high) <= reach || (low < high ? at > high : at < high) ? 1 : 0;
  };
  const [across, up] = [side(x, x0, x1), side(y, y0, y1)];
  if (across === undefined || up === undefined) return undefined;
  return whole ? [0, 0] : [across, up];
}

function cursorOf([across, up]: Grip, view: SliceView): string {
  if (across === 0 && up === 0) return 'move';
  if (up === 0) return 'ew-resize';
  if (across === 0) return 'ns-resize';
  return (across === up) === view.radiological ? 'nwse-resize' : 'nesw-resize';
}

function dragged({ from, to }: Edges, grip: Grip, by: readonly [number, number]): Edges {
  const whole = grip[0] === 0 && grip[1] === 0;
  const low = ([0, 1] as const).map((i) => from[i] + (whole || grip[i] === -1 ? by[i] : 0));
  const high = ([0, 1] as const).map((i) => to[i] + (whole || grip[i] === 1 ? by[i] : 0));
  // An edge may not pass the other one.
  const edge = (i: 0 | 1): [number, number] =>
    grip[i] === -1 ? [Math.min(low[i]!, high[i]! - 2), high[i]!] : [low[i]!, Math.max(high[i]!, low[i]! + 2)];
  const [a, b] = [edge(0), edge(1)];
  return { from: [a[0], b[0]], to: [a[1], b[1]] };
}

/** The small squares at corners and edges that show that a box can be resized. */
export function handleMarks(view: SliceView, { from, to }: Edges, colour: string): BoxMark[] {
  const [a, b] = [fromCanvas(view, 0, 0), fromCanvas(view, HANDLE, HANDLE)];
  const half = [Math.abs(b[0] - a[0]) / 2, Math.abs(b[1] - a[1]) / 2] as const;
  const marks: BoxMark[] = [];
  for (const i of [0, 0.5, 1]) {
    for (const j of [0, 0.5, 1]) {
      if (i === 0.5 && j === 0.5) continue;
      const [x, y] = [from[0] + i * (to[0] - from[0]), from[1] + j * (to[1] - from[1])];
      const corner = { from: [x - half[0], y - half[1]], to: [x + half[0], y + half[1]] } as const;
      marks.push({ ...corner, colour, width: 1, fill: 1 });
    }
  }
  return marks;
}

export interface BoxActions {
  /** The slice and the box on it, whose size may be fixed; undefined where the box is not in the slice, or may not be changed. */
  current(): { readonly view: SliceView; readonly edges: Edges; readonly fixed: boolean } | undefined;
  change(edges: Edges, resized: boolean): void;
}

/** Lets the pointer move a box on a slice by its inside and resize it by its edges and corners. */
export function listenToBox(node: HTMLElement, actions: BoxActions): void {
  const canvas = node.querySelector('canvas')!;
  const place = (event: PointerEvent): [number, number] => {
    const { left, top } = canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  canvas.addEventListener('pointermove', (event) => {
    if (event.buttons !== 0) return;
    const now = actions.current();
    const grip = now && gripAt(now.view, now.edges, ...place(event), now.fixed);
    canvas.style.cursor = now && grip ? cursorOf(grip, now.view) : 'crosshair';
  });
  const press = (down: PointerEvent): void => {
    const now = actions.current();
    const grip = now && down.button === 0 ? gripAt(now.view, now.edges, ...place(down), now.fixed) : undefined;
    if (!now || !grip) return;
    down.preventDefault();
    // Otherwise the slice would take the press for a wish to have the box there.
    down.stopPropagation();
    canvas.focus();
    canvas.setPointerCapture(down.pointerId);
    const start = fromCanvas(now.view, ...place(down));
    const move = (event: PointerEvent): void => {
      const [across, up] = fromCanvas(now.view, ...place(event));
      const edges = dragged(now.edges, grip, [across - start[0], up - start[1]]);
      actions.change(edges, grip[0] !== 0 || grip[1] !== 0);
    };
    const end = (): void => {
      canvas.removeEventListener('pointermove', move);
      canvas.removeEventListener('pointerup', end);
      canvas.removeEventListener('pointercancel', end);
    };
    canvas.addEventListener('pointermove', move);
    canvas.addEventListener('pointerup', end);
    canvas.addEventListener('pointercancel', end);
  };
  node.addEventListener('pointerdown', press, { capture: true });
}

/** Whole voxels of a side: its first voxel and its length, at least 2 and at most `most`. */
export function wholeVoxels(from: number, to: number, most: number): { start: number; size: number } {
  return { start: Math.round(from + 0.5), size: clamp(Math.round(to - from), 2, most) };
}

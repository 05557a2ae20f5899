import { axesOf } from '../../src/geometry';
import type { Layout, Plane, Tool } from '../../src/protocol/volume';
import type { Controls } from './controls';

/** What the keys do while a slice has the focus, for the help in the side bar. */
export const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ['Page Up, Page Down', 'next, previous slice'],
  ['Home, End', 'first, last slice'],
  ['Arrow keys', 'move the crosshair'],
  ['+, −, 0', 'zoom in, out, reset the view'],
  ['Space', 'play or stop'],
  ['C, W, P, M', 'crosshair, window, pan, measure'],
  ['1 to 5', 'all, axial, coronal, sagittal, 3-D'],
  ['Shift + arrow keys', 'brightness and contrast'],
  ['O, L', 'outline, hide or show labels'],
  ['B, N', 'show overlays alternately, next one'],
  ['Delete', 'remove the distances'],
  ['Wheel', 'scroll; with Ctrl zoom'],
  ['Right, middle button', 'drag the window, the view'],
];

const TOOLS: Readonly<Record<string, Tool>> = { c: 'crosshair', w: 'window', p: 'pan', m: 'measure' };
const LAYOUTS: Readonly<Record<string, Layout>> = {
  '1': 'all',
  '2': 'axial',
  '3': 'coronal',
  '4': 'sagittal',
  '5': '3d',
};
const ARROWS: Readonly<Record<string, readonly [across: number, up: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** Does what a key means on a slice of this plane; false when it means nothing. */
export function shortcut(viewer: Controls, plane: Plane, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const arrow = ARROWS[event.key];
  if (arrow) {
    if (event.shiftKey) viewer.changeWindow(arrow[1] * 4, arrow[0] * 8);
    else moveCrosshair(viewer, plane, arrow);
    return true;
  }
  const tool = TOOLS[event.key.toLowerCase()];
  if (tool) viewer.setTool(tool);
  const layout = LAYOUTS[event.key];
  if (layout) viewer.setLayout(layout);
  return tool !== undefined || layout !== undefined || single(viewer, plane, event.key);
}

function moveCrosshair(viewer: Controls, plane: Plane, [right, up]: readonly [number, number]): void {
  const [across, above] = axesOf(plane);
  if (right !== 0) viewer.step(across, viewer.state.radiological ? -right : right);
  else viewer.step(above, up);
}

function single(viewer: Controls, plane: Plane, key: string): boolean {
  const far = 1 << 20;
  switch (key) {
    case 'PageUp':
    case ',':
      viewer.step(plane, 1);
      return true;
    case 'PageDown':
    case '.':
      viewer.step(plane, -1);
      return true;
    case 'Home':
      viewer.step(plane, -far);
      return true;
    case 'End':
      viewer.step(plane, far);
      return true;
    case '+':
    case '=':
      viewer.zoom(1.25);
      return true;
    case '-':
      viewer.zoom(0.8);
      return true;
    case '0':
      viewer.resetView();
      return true;
    case ' ':
      viewer.play();
      return true;
    case 'o':
      viewer.set({ outline: !viewer.state.outline });
      return true;
    case 'l':
      toggleLabels(viewer);
      return true;
    case 'b':
      viewer.blink();
      return true;
    case 'n':
      viewer.nextOverlay();
      return true;
    case 'Delete':
    case 'Backspace':
      viewer.clearMeasurements();
      return true;
    default:
      return false;
  }
}

/** Hides all labels, or shows all of them when some are not seen. */
export function toggleLabels(viewer: Controls): void {
  const values = viewer.panes.flatMap((pane) => pane.labels ?? []).map(({ value }) => value);
  const { hiddenLabels, onlyLabel } = viewer.state;
  const some = hiddenLabels.length > 0 || onlyLabel !== undefined;
  viewer.set({ onlyLabel: undefined, hiddenLabels: some ? [] : [...new Set(values)] });
}

import type { Layout, Tool } from '../../src/protocol/volume';
import { button, dropdown, slider } from '../ui/controls';
import { element } from '../ui/dom';
import { WINDOWS } from './windows';
import type { Controls } from './controls';

const LAYOUTS: readonly { value: Layout; label: string }[] = [
  { value: 'all', label: 'All planes' },
  { value: 'axial', label: 'Axial' },
  { value: 'coronal', label: 'Coronal' },
  { value: 'sagittal', label: 'Sagittal' },
  { value: '3d', label: '3D' },
];
const TOOLS: readonly { value: Tool; label: string; title: string }[] = [
  { value: 'crosshair', label: 'Crosshair', title: 'Drag the crosshair (C)' },
  { value: 'window', label: 'Window', title: 'Drag to change brightness and contrast (W)' },
  { value: 'pan', label: 'Pan', title: 'Drag the view (P); Ctrl and wheel zoom' },
  { value: 'measure', label: 'Measure', title: 'Drag to measure a distance (M); Delete removes distances' },
];

/** The row of controls above the slices. */
export class Toolbar {
  readonly node = element('div', { class: 'toolbar', role: 'toolbar', 'aria-label': 'Volume viewer' });
  private readonly tools = new Map<Tool, HTMLElement>();
  private readonly low = element('input', {
    type: 'number',
    id: 'window-low',
    'aria-label': 'Lowest value of the window',
  });
  private readonly high = element('input', {
    type: 'number',
    id: 'window-high',
    'aria-label': 'Highest value of the window',
  });
  private readonly layout: HTMLElement;
  private readonly namedWindow: HTMLElement;
  private readonly cine: HTMLElement;
  private readonly frame = element('span', { class: 'field' });

  constructor(private readonly viewer: Controls) {
    const { state } = viewer;
    this.layout = dropdown('View', LAYOUTS, state.layout, (value) => viewer.setLayout(value), 'layout');
    const windows = WINDOWS.map(({ id, label }) => ({ value: id, label }));
    this.namedWindow = dropdown(
      'Window',
      windows,
      state.namedWindow,
      (value) => this.chooseWindow(value),
      'named-window',
    );
    for (const input of [this.low, this.high]) input.addEventListener('change', () => this.typeWindow());
    const tools = element('span', { class: 'tools', role: 'group', 'aria-label': 'Effect of dragging' });
    for (const { value, label, title } of TOOLS) {
      const one = button(label, () => viewer.setTool(value), { id: `tool-${value}`, title });
      this.tools.set(value, one);
      tools.append(one);
    }
    this.cine = button('Play', () => viewer.play(), { id: 'play', title: 'Play the slices (Space)' });
    this.node.append(
      this.layout,
      this.namedWindow,
      element('span', { class: 'field' }, this.low, '–', this.high),
      tools,
      this.cine,
      button('Reset', () => viewer.resetView(), { id: 'reset-view', title: 'Reset zoom, position and crosshair (0)' }),
      this.frame,
      this.fileActions(),
    );
  }

  /** In a group of their own, so that they wrap together. */
  private fileActions(): HTMLElement {
    const { viewer } = this;
    const overlay = { id: 'add-overlay', title: 'Draw another volume on top' };
    const picture = { id: 'screenshot', title: 'Save what is shown as PNG' };
    const details = { id: 'details', title: 'Show or hide values, labels and header' };
    return element(
      'span',
      { class: 'file-actions' },
      button('Overlay…', () => void viewer.addOverlay(), overlay),
      button('Screenshot…', () => void viewer.saveScreenshot(), picture),
      button('Details', () => viewer.set({ sidebar: !viewer.state.sidebar }), details),
    );
  }

  /** Shows the viewer's state. */
  update(): void {
    const { state, current } = this.viewer;
    choose(this.layout, state.layout);
    choose(this.namedWindow, state.namedWindow);
    for (const [tool, one] of this.tools) {
      const on = tool === state.tool;
      one.setAttribute('appearance', on ? 'primary' : 'secondary');
      one.setAttribute('aria-pressed', String(on));
    }
    this.cine.textContent = this.viewer.playing ? 'Stop' : 'Play';
    const detail = this.node.querySelector('#details');
    detail?.setAttribute('aria-expanded', String(state.sidebar));
    if (current?.statistics) {
      const [low, high] = current.windowOf(state);
      const digits = high - low > 20 ? 0 : 3;
      if (document.activeElement !== this.low) this.low.value = String(Number(low.toFixed(digits)));
      if (document.activeElement !== this.high) this.high.value = String(Number(high.toFixed(digits)));
    }
    this.updateFrames(current?.shown.header?.channels ?? 1);
  }

  /** The slider through the volumes of a 4-D file. */
  private updateFrames(channels: number): void {
    if (this.frame.dataset.channels === String(channels)) return;
    this.frame.dataset.channels = String(channels);
    this.frame.replaceChildren();
    if (channels < 2) return;
    const value = Math.min(this.viewer.state.channel, channels - 1);
    const format = (at: number): string => `${at + 1} / ${channels}`;
    this.frame.append(
      slider('Volume', { id: 'channel', min: 0, max: channels - 1, step: 1, value, format }, (channel) =>
        this.viewer.set({ channel }),
      ),
    );
  }

  private chooseWindow(namedWindow: string): void {
    const window = this.viewer.current?.windowOf(this.viewer.state);
    this.viewer.set(namedWindow === 'custom' ? { namedWindow, window } : { namedWindow });
  }

  private typeWindow(): void {
    const [low, high] = [Number(this.low.value), Number(this.high.value)];
    const fine = this.low.value !== '' && this.high.value !== '' && high > low;
    for (const input of [this.low, this.high]) input.setCustomValidity(fine ? '' : 'The first value must be lower.');
    if (fine) this.viewer.set({ namedWindow: 'custom', window: [low, high] });
    else this.high.reportValidity();
  }
}

function choose(field: HTMLElement, value: string): void {
  const node = field.querySelector<HTMLElement & { value: string }>('vscode-dropdown');
  if (node && node.value !== value) node.value = value;
}

import type { Vec3 } from '../../src/geometry';
import type { VolumeStatistics } from '../../src/protocol/volume';
import { checkbox } from '../ui/controls';
import { element } from '../ui/dom';
import { currentTheme } from '../ui/theme';
import { LabelList } from './labelList';
import { OverlayList } from './overlayList';
import type { OverlayValue, Pane } from './pane';
import { KEYS } from './shortcuts';
import type { Controls } from './controls';
import { significant } from '../../src/text';

export interface Reading {
  readonly pane: Pane;
  /** Voxel in the file, counted from 0. */
  readonly voxel: Vec3;
  readonly value?: number;
  readonly overlays: readonly OverlayValue[];
}

function section(title: string, open: boolean, ...content: Node[]): HTMLDetailsElement {
  return element('details', { open }, element('summary', {}, title), ...content);
}

const shownValue = (value: number | undefined): string =>
  value === undefined ? '…' : Number.isNaN(value) ? 'no number' : text(value);
/** Whole numbers as they are: labels and counts may have many digits. */
const text = (value: number): string => (Number.isInteger(value) ? String(value) : significant(value, 7));

/** What is known about the volumes: values under the pointer, labels, histogram, header. */
export class Sidebar {
  readonly node = element('aside', { 'aria-label': 'Details' });
  private readonly values = element('div', { class: 'readout' });
  private readonly histogram = element('canvas', { class: 'histogram', role: 'img' });
  private readonly header = element('div', {});
  private readonly overlays: OverlayList;
  private readonly labels: LabelList;
  private readonly overlaySection: HTMLDetailsElement;
  private readonly labelSection: HTMLDetailsElement;
  private shape = '';

  constructor(private readonly viewer: Controls) {
    const { state } = viewer;
    this.overlays = new OverlayList(viewer);
    this.labels = new LabelList(viewer);
    this.overlaySection = section('Overlays', true, this.overlays.node);
    this.labelSection = section('Labels', true, this.labels.node);
    const view = element(
      'div',
      { class: 'options' },
      checkbox(
        'Radiological (patient’s right on the left)',
        state.radiological,
        (radiological) => viewer.set({ radiological }),
        'radiological',
      ),
      checkbox('Smooth pixels', state.smooth, (smooth) => viewer.set({ smooth }), 'smooth'),
    );
    const keys = element('dl', { class: 'keys' });
    for (const [key, meaning] of KEYS) keys.append(element('dt', {}, key), element('dd', {}, meaning));
    this.node.append(
      section('Position', true, this.values),
      this.overlaySection,
      this.labelSection,
      section('Histogram', true, this.histogram),
      section('View', true, view),
      section('Header', true, this.header),
      section('Keys', false, keys),
    );
  }

  /** Where the pointer (or the crosshair) is, and the values there. */
  readout(place: string, readings: readonly Reading[]): void {
    const rows = readings.map(({ pane, voxel, value, overlays }) => {
      const own = pane.statistics?.labels?.find((entry) => entry.value === value)?.name;
      return element(
        'div',
        {},
        readings.length > 1 ? element('div', { class: 'muted' }, pane.shown.name) : undefined,
        element('div', {}, element('span', { class: 'value' }, shownValue(value)), own ? ` ${own}` : undefined),
        ...overlays.map((overlay) =>
          element(
            'div',
            { class: 'on-top' },
            element('span', { class: 'muted' }, `${overlay.name}: `),
            overlay.label ?? shownValue(overlay.value),
          ),
        ),
        element('div', { class: 'muted' }, `voxel ${voxel.join(', ')}`),
      );
    });
    this.values.replaceChildren(...rows, element('div', { class: 'muted' }, place));
  }

  update(): void {
    const { viewer } = this;
    this.node.hidden = !viewer.state.sidebar;
    if (this.node.hidden) return;
    const pane = viewer.current;
    this.overlaySection.hidden = !this.overlays.update();
    this.labelSection.hidden = !this.labels.update();
    const shape = JSON.stringify([pane?.shown.path, pane?.shown.header?.rows, pane?.statistics?.warnings, pane?.range]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.describe(pane);
    }
    if (pane?.statistics) this.drawHistogram(pane, pane.statistics);
  }

  private describe(pane: Pane | undefined): void {
    const header = pane?.shown.header;
    if (!pane || !header) {
      this.header.replaceChildren();
      return;
    }
    const table = element('table', {});
    for (const { name, value } of header.rows) {
      const numbers = name === '' || name.startsWith('Affine');
      const title = element('th', { scope: 'row', colspan: numbers ? 2 : 1 }, name);
      if (name !== '') table.append(element('tr', {}, title, numbers ? undefined : element('td', {}, value)));
      if (numbers) table.append(element('tr', {}, element('td', { class: 'numbers', colspan: 2 }, value)));
    }
    const { range } = pane;
    if (range) {
      const values = element('td', {}, `${text(range[0])} to ${text(range[1])}`);
      table.prepend(element('tr', {}, element('th', { scope: 'row' }, 'Values'), values));
    }
    const warnings = [...header.warnings, ...(pane.statistics?.warnings ?? [])];
    this.header.replaceChildren(
      ...warnings.map((warning) => element('p', { class: 'warning' }, `Warning: ${warning}`)),
      table,
    );
  }

  /** Square roots of the counts, so that small peaks are seen beside air; what lies inside the window is strong. */
  private drawHistogram(pane: Pane, { histogram }: VolumeStatistics): void {
    const { canvas } = { canvas: this.histogram };
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (width === 0) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext('2d')!;
    context.scale(ratio, ratio);
    const theme = currentTheme();
    const [low, high] = pane.windowOf(this.viewer.state);
    const { bins } = histogram;
    const span = histogram.high - histogram.low || 1;
    const base = height - 16;
    bins.forEach((share, at) => {
      const value = histogram.low + ((at + 0.5) / bins.length) * span;
      context.fillStyle = theme.foreground;
      context.globalAlpha = value >= low && value <= high ? 0.9 : 0.35;
      const bar = Math.sqrt(share) * base;
      context.fillRect((at * width) / bins.length, base - bar, width / bins.length - 0.5, bar);
    });
    context.globalAlpha = 1;
    context.font = `11px ${theme.fontFamily}`;
    context.fillStyle = theme.muted;
    context.textBaseline = 'bottom';
    context.fillText(text(Math.round(histogram.low)), 0, height);
    context.textAlign = 'right';
    context.fillText(text(Math.round(histogram.high)), width, height);
    canvas.setAttribute('aria-label', `Histogram from ${text(histogram.low)} to ${text(histogram.high)}`);
  }
}

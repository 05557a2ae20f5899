import type { LabelEntry, Triple, VolumeStatistics } from '../../src/protocol/volume';
import { button, checkbox, slider } from '../ui/controls';
import { element } from '../ui/dom';
import { currentTheme } from '../ui/theme';
import { spacingOf } from './geometry';
import type { Pane } from './pane';
import { KEYS, toggleLabels } from './shortcuts';
import type { Viewer } from './viewer';

export interface Reading {
  readonly pane: Pane;
  /** Voxel in the file, counted from 0. */
  readonly voxel: Triple;
  readonly value?: number;
  readonly overlay?: number;
}

function section(title: string, open: boolean, ...content: Node[]): HTMLDetailsElement {
  return element('details', { open }, element('summary', {}, title), ...content);
}

const text = (value: number): string => String(Number(value.toPrecision(7)));

/** What is known about the volumes: values under the pointer, labels, histogram, header. */
export class Sidebar {
  readonly node = element('aside', { 'aria-label': 'Details' });
  private readonly values = element('div', { class: 'readout' });
  private readonly labels = element('div', {});
  private readonly histogram = element('canvas', { class: 'histogram', role: 'img' });
  private readonly header = element('div', {});
  private readonly labelSection: HTMLDetailsElement;
  private shape = '';
  private readonly boxes = new Map<number, HTMLElement & { checked: boolean }>();

  constructor(private readonly viewer: Viewer) {
    const { state } = viewer;
    this.labelSection = section('Labels', true, this.labels);
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
      this.labelSection,
      section('Histogram', true, this.histogram),
      section('View', true, view),
      section('Header', true, this.header),
      section('Keys', false, keys),
    );
  }

  /** Where the pointer (or the crosshair) is, and the values there. */
  readout(place: string, readings: readonly Reading[]): void {
    const rows = readings.map(({ pane, voxel, value, overlay }) => {
      const name = readings.length > 1 ? element('div', { class: 'muted' }, pane.shown.name) : undefined;
      const label = overlay ?? (pane.statistics?.labels ? value : undefined);
      const organ = label !== undefined && pane.labels?.find((one) => one.value === label);
      const shown = value === undefined ? '…' : text(value);
      return element(
        'div',
        {},
        name,
        element('div', {}, element('span', { class: 'value' }, shown), organ ? ` ${organ.name}` : undefined),
        overlay === undefined || organ ? undefined : element('div', {}, `overlay ${text(overlay)}`),
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
    const shape = JSON.stringify([
      viewer.panes.map(({ shown, labels }) => [
        shown.path,
        shown.overlay?.path,
        labels?.length,
        shown.suggestion?.path,
      ]),
      viewer.panes.indexOf(pane!),
      pane?.statistics !== undefined,
    ]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.listLabels();
      this.describe(pane);
    }
    for (const [value, box] of this.boxes) box.checked = !viewer.state.hiddenLabels.includes(value);
    const outline = this.labels.querySelector<HTMLElement & { checked: boolean }>('#outline');
    if (outline) outline.checked = viewer.state.outline;
    if (pane?.statistics) this.drawHistogram(pane, pane.statistics);
  }

  private listLabels(): void {
    const { viewer } = this;
    const entries = new Map<number, LabelEntry>();
    for (const pane of viewer.panes) for (const entry of pane.labels ?? []) entries.set(entry.value, entry);
    entries.delete(0);
    this.boxes.clear();
    this.labels.replaceChildren(...this.overlayControls(entries.size > 0));
    const list = element('div', { class: 'labels', role: 'group', 'aria-label': 'Labels to show' });
    const owner = viewer.panes.find((pane) => pane.labels);
    const millilitre = owner ? voxelMillilitres(owner) : 0;
    for (const entry of [...entries.values()].sort((a, b) => a.value - b.value)) {
      list.append(this.labelRow(entry, entry.voxels * millilitre));
    }
    this.labels.append(list);
    this.labelSection.hidden = this.labels.textContent === '';
  }

  private labelRow(entry: LabelEntry, millilitres: number): HTMLElement {
    const { viewer } = this;
    const swatch = element('span', { class: 'swatch' });
    swatch.style.background = entry.colour;
    const volume = millilitres >= 10 ? millilitres.toFixed(0) : millilitres.toFixed(1);
    const name = element('span', {}, swatch, entry.name, element('span', { class: 'muted' }, ` ${volume} ml`));
    const box = checkbox(name, !viewer.state.hiddenLabels.includes(entry.value), (checked) => {
      const others = viewer.state.hiddenLabels.filter((value) => value !== entry.value);
      viewer.set({ hiddenLabels: checked ? others : [...others, entry.value] });
    });
    box.dataset.label = String(entry.value);
    this.boxes.set(entry.value, box as HTMLElement & { checked: boolean });
    return box;
  }

  private overlayControls(labelled: boolean): Node[] {
    const { viewer } = this;
    const controls: Node[] = [];
    const pane = viewer.current;
    const suggestion = pane?.shown.suggestion;
    if (suggestion) {
      controls.push(
        element('p', {}, `${suggestion.name} seems to hold the labels of this image.`),
        button('Show labels', () => void viewer.addOverlay(suggestion.path), {
          id: 'show-labels',
          appearance: 'primary',
        }),
      );
    }
    if (pane?.shown.overlay) {
      controls.push(element('p', { class: 'muted' }, `Overlay: ${pane.shown.overlay.name}`));
      controls.push(
        slider(
          'Opacity',
          {
            id: 'opacity',
            min: 0,
            max: 1,
            step: 0.05,
            value: viewer.state.opacity,
            format: (v) => `${Math.round(100 * v)} %`,
          },
          (opacity) => viewer.set({ opacity }),
        ),
      );
    }
    if (labelled) {
      controls.push(checkbox('Outline', viewer.state.outline, (outline) => viewer.set({ outline }), 'outline'));
      controls.push(button('Hide or show all', () => toggleLabels(viewer), { id: 'toggle-labels' }));
    }
    if (pane?.shown.overlay) {
      controls.push(button('Remove overlay', () => void viewer.removeOverlay(), { id: 'remove-overlay' }));
    }
    return controls.length > 0 ? [element('div', { class: 'overlay' }, ...controls)] : [];
  }

  private describe(pane: Pane | undefined): void {
    const header = pane?.shown.header;
    if (!pane || !header) {
      this.header.replaceChildren();
      return;
    }
    const table = element('table', {});
    for (const { name, value } of header.rows) {
      const numbers = name === '' || name === 'Affine';
      const title = element('th', { scope: 'row', colspan: numbers ? 2 : 1 }, name);
      if (name !== '') table.append(element('tr', {}, title, numbers ? undefined : element('td', {}, value)));
      if (numbers) table.append(element('tr', {}, element('td', { class: 'numbers', colspan: 2 }, value)));
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

function voxelMillilitres(pane: Pane): number {
  const grid = (pane.shown.overlay ?? pane.shown).header?.grid;
  return grid ? spacingOf(grid).reduce((product, mm) => product * mm, 1) / 1000 : 0;
}

import type { LabelEntry } from '../../src/protocol/volume';
import { button, checkbox, setChecked } from '../ui/controls';
import { element } from '../ui/dom';
import { voxelVolume } from './geometry';
import { toggleLabels } from './shortcuts';
import type { Controls } from './controls';

interface Listed extends LabelEntry {
  /** Absent where the size of a voxel is not known. */
  readonly millilitres?: number;
}

interface Row {
  readonly box: HTMLElement;
  readonly only: HTMLElement;
}

function inMillilitres(millilitres: number | undefined): string {
  if (millilitres === undefined) return '';
  return ` ${millilitres >= 10 ? millilitres.toFixed(0) : millilitres.toFixed(1)}\u00a0ml`;
}

/** The labels of all volumes shown: each can be hidden, or shown alone. */
export class LabelList {
  readonly node = element('div', {});
  private readonly rows = new Map<number, Row>();
  private shape = '';

  constructor(private readonly viewer: Controls) {}

  /** Shows the viewer's state; false when there is nothing to list. */
  update(): boolean {
    const { viewer } = this;
    const entries = this.entries();
    const shape = JSON.stringify([...entries.values()]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.list(entries);
    }
    const { hiddenLabels, onlyLabel } = viewer.state;
    for (const [value, { box, only }] of this.rows) {
      setChecked(box, onlyLabel === undefined ? !hiddenLabels.includes(value) : onlyLabel === value);
      only.setAttribute('aria-pressed', String(onlyLabel === value));
    }
    const outline = this.node.querySelector<HTMLElement>('#outline');
    if (outline) setChecked(outline, viewer.state.outline);
    return entries.size > 0;
  }

  /** The labels of all files, the first that names one counts. */
  private entries(): ReadonlyMap<number, Listed> {
    const found = new Map<number, Listed>();
    const { panes } = this.viewer;
    // The voxels of what is not yet placed on its image have no size that could be told.
    const unplaced = new Set(
      panes.flatMap(({ overlays }) =>
        overlays.flatMap(({ shown }) => (shown.place?.choice === 'image' ? [shown.id] : [])),
      ),
    );
    for (const source of panes.flatMap((pane) => [...pane.sources.values()])) {
      const grid = source.file.header?.grid;
      const millilitres = grid && !unplaced.has(source.file.id) ? voxelVolume(grid) / 1000 : undefined;
      for (const entry of source.statistics?.labels ?? []) {
        if (entry.value === 0 || found.has(entry.value)) continue;
        found.set(entry.value, {
          ...entry,
          ...(millilitres !== undefined && { millilitres: entry.voxels * millilitres }),
        });
      }
    }
    return new Map([...found].sort(([a], [b]) => a - b));
  }

  private list(entries: ReadonlyMap<number, Listed>): void {
    const { viewer } = this;
    this.rows.clear();
    const list = element('div', { class: 'labels', role: 'group', 'aria-label': 'Labels to show' });
    for (const entry of entries.values()) list.append(this.row(entry));
    this.node.replaceChildren(
      element(
        'div',
        { class: 'overlay' },
        checkbox('Outline', viewer.state.outline, (outline) => viewer.set({ outline }), 'outline'),
        button('Hide or show all', () => toggleLabels(viewer), { id: 'toggle-labels' }),
      ),
      list,
    );
  }

  private row(entry: Listed): HTMLElement {
    const { viewer } = this;
    const { value, millilitres } = entry;
    const swatch = element('span', { class: 'swatch' });
    swatch.style.background = entry.colour;
    const name = element(
      'span',
      {},
      swatch,
      entry.name,
      element('span', { class: 'muted' }, inMillilitres(millilitres)),
    );
    const box = checkbox(name, true, (checked) => this.toggle(value, checked));
    box.dataset.label = String(value);
    const only = element(
      'button',
      { type: 'button', class: 'only', title: `Show only ${entry.name}`, 'aria-label': `Show only ${entry.name}` },
      'only',
    );
    only.addEventListener('click', () =>
      viewer.set({ onlyLabel: viewer.state.onlyLabel === value ? undefined : value }),
    );
    this.rows.set(value, { box, only });
    return element('div', { class: 'label-row' }, box, only);
  }

  /** What is ticked stays shown, also after a label was shown alone. */
  private toggle(value: number, checked: boolean): void {
    const { hiddenLabels, onlyLabel } = this.viewer.state;
    const hidden =
      onlyLabel === undefined ? hiddenLabels : [...this.rows.keys()].filter((label) => label !== onlyLabel);
    const others = hidden.filter((label) => label !== value);
    this.viewer.set({ onlyLabel: undefined, hiddenLabels: checked ? others : [...others, value] });
  }
}

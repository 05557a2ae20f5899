import type { RunNotes, RunsTableContract, RunsTableState } from '../../src/protocol/runs';
import { button, checkbox } from '../ui/controls';
import { element } from '../ui/dom';
import type { Host } from '../ui/host';
import { ColumnList } from './columnList';
import { cellText, columnTitle } from './cells';
import { RunsFeed } from './feed';
import { Grid, type GridActions } from './grid';
import {
  isShown,
  moveKey,
  nextSort,
  NOTE,
  orderedColumns,
  placeKey,
  shownRuns,
  TableModel,
  TAGS,
  type Run,
} from './model';
import { counted } from '../../src/text';

const DEFAULT_STATE: RunsTableState = {
  sort: [{ key: 'run:created', descending: true }],
  filter: '',
  starredOnly: false,
  differingOnly: true,
  shown: {},
  order: [],
  selected: [],
  columnsOpen: false,
};
const DIALOG_TIMEOUT_MS = 3_600_000;

/** The panel: toolbar, grid and list of columns. It owns the state, and asks the host for runs that are new or changed. */
export class RunsTableView {
  private state: RunsTableState;
  private readonly model = new TableModel();
  private readonly feed: RunsFeed;
  private readonly grid: Grid;
  private readonly columnList: ColumnList;
  private runs: Run[] = [];
  private anchor: string | undefined;
  private loaded = false;

  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly summary = element('span', { class: 'muted', id: 'summary', role: 'status' });
  private readonly empty = element('div', { class: 'empty', hidden: true });
  private readonly filter = element('input', {
    type: 'search',
    id: 'filter',
    placeholder: 'Filter: text, or loss<0.2 steps>=1000 tags:good',
    'aria-label': 'Filter runs',
    spellcheck: 'false',
  });
  private readonly curvesButton = button('Overlay curves', () => void this.showCurves(), {
    id: 'curves',
    title: 'Overlay the loss curves of the selected runs',
  });
  private readonly compareButton = button('Compare', () => void this.compare(), {
    id: 'compare',
    title: 'Compare the best or newest checkpoints of 2 to 4 selected runs',
  });

  constructor(
    private readonly app: HTMLElement,
    private readonly host: Host<RunsTableContract, RunsTableState>,
  ) {
    this.state = { ...DEFAULT_STATE, ...host.savedState };
    this.feed = new RunsFeed(this.model, host);
    this.grid = new Grid(this.actions());
    this.columnList = new ColumnList((key, shown) => this.set({ shown: { ...this.state.shown, [key]: shown } }));
    this.build();
  }

  async open(): Promise<void> {
    this.say('Reading the runs…');
    try {
      await this.feed.open();
      this.loaded = true;
      this.say(undefined);
      this.draw();
    } catch (error) {
      this.say(error);
    }
  }

  /** Some runs are new or changed, others gone. */
  async changed(ids: readonly string[], gone: readonly string[]): Promise<void> {
    try {
      await this.feed.changed(ids, gone);
      this.draw();
    } catch (error) {
      this.say(error);
    }
  }

  private build(): void {
    const { state } = this;
    this.filter.value = state.filter;
    this.filter.addEventListener('input', () => this.set({ filter: this.filter.value }));
    const starred = checkbox('Starred', state.starredOnly, (on) => this.set({ starredOnly: on }), 'starred-only');
    const differing = checkbox(
      'Only what differs',
      state.differingOnly,
      (on) => this.set({ differingOnly: on }),
      'differing-only',
    );
    const columns = button('Columns', () => this.set({ columnsOpen: !this.state.columnsOpen }), {
      id: 'columns',
      title: 'Choose which columns are shown',
    });
    const csv = button('CSV', () => void this.export(), { id: 'csv', title: 'Save the rows and columns shown as CSV' });
    const chosen = element(
      'span',
      { class: 'group', role: 'group', 'aria-label': 'Selected runs' },
      this.curvesButton,
      this.compareButton,
    );
    const spacer = element('span', { class: 'spacer' });
    const toolbar = element(
      'div',
      { class: 'toolbar' },
      this.filter,
      starred,
      differing,
      spacer,
      this.summary,
      chosen,
      columns,
      csv,
    );
    const main = element('div', { class: 'main' }, this.grid.node, this.empty, this.columnList.node);
    this.app.append(element('header', {}, toolbar, this.message), main);
  }

  private actions(): GridActions {
    const order = (): string[] => orderedColumns(this.model, this.state.order).map(({ key }) => key);
    return {
      sort: (key, add) => this.set({ sort: nextSort(this.state.sort, key, add) }),
      select: (run, range) => this.select(run, range),
      selectAll: () => {
        const all = this.runs.every(({ id }) => this.state.selected.includes(id));
        this.set({ selected: all ? [] : this.runs.map(({ id }) => id) });
      },
      star: (run) => void this.annotate(run, { starred: !run.notes.starred }),
      open: (run) => void this.guard(this.host.call('showCurves', { ids: [run.id] })),
      edit: (run, key, text) =>
        void this.annotate(run, key === TAGS ? { tags: text.split(',') } : key === NOTE ? { note: text.trim() } : {}),
      moveColumn: (key, by) => this.set({ order: moveKey(order(), this.columns(), key, by) }),
      placeColumn: (key, target, after) => this.set({ order: placeKey(order(), key, target, after) }),
      hideColumn: (key) => this.set({ shown: { ...this.state.shown, [key]: false } }),
    };
  }

  private columns(): string[] {
    return this.shownColumns().map(({ key }) => key);
  }

  private shownColumns(): ReturnType<typeof orderedColumns> {
    return orderedColumns(this.model, this.state.order).filter((column) => isShown(this.model, this.state, column));
  }

  private set(change: Partial<RunsTableState>): void {
    this.state = { ...this.state, ...change };
    this.host.saveState(this.state);
    this.draw();
  }

  private draw(): void {
    if (!this.loaded) return;
    const { runs, error } = shownRuns(this.model, this.state);
    this.runs = runs;
    const selected = new Set(this.state.selected.filter((id) => this.model.runs.has(id)));
    const total = this.model.runs.size;
    this.filter.classList.toggle('invalid', error !== undefined);
    this.filter.setAttribute('aria-invalid', String(error !== undefined));
    this.say(error ? new Error(error) : undefined);
    const shown = runs.length === total ? counted(total, 'run') : `${runs.length} of ${counted(total, 'run')}`;
    this.summary.textContent = selected.size > 0 ? `${shown}, ${selected.size} selected` : shown;
    this.curvesButton.toggleAttribute('disabled', selected.size === 0);
    this.compareButton.toggleAttribute('disabled', selected.size < 2);
    this.columnList.node.hidden = !this.state.columnsOpen;
    if (this.state.columnsOpen) this.columnList.update(this.model, this.state);
    this.grid.node.hidden = runs.length === 0;
    this.empty.hidden = runs.length > 0;
    this.empty.textContent =
      total === 0
        ? 'There are no runs yet. Start one with “VoCo: Pre-train”; it appears here by itself.'
        : 'No run matches the filter.';
    this.grid.update({ model: this.model, runs, columns: this.shownColumns(), sort: this.state.sort, selected });
  }

  private select(run: Run, range: boolean): void {
    const ids = this.runs.map(({ id }) => id);
    const [from, to] = [ids.indexOf(this.anchor ?? run.id), ids.indexOf(run.id)];
    const selected = new Set(this.state.selected);
    if (range && from >= 0) {
      for (const id of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) selected.add(id);
    } else if (!selected.delete(run.id)) selected.add(run.id);
    this.anchor = run.id;
    this.set({ selected: [...selected] });
  }

  private async annotate(run: Run, change: Partial<RunNotes>): Promise<void> {
    try {
      run.notes = await this.host.call('annotate', { id: run.id, change });
      this.model.touch();
      this.draw();
    } catch (error) {
      this.say(error);
    }
  }

  private showCurves(): Promise<void> {
    return this.guard(this.host.call('showCurves', { ids: this.selectedIds() }));
  }

  private compare(): Promise<void> {
    return this.guard(this.host.call('compare', { ids: this.selectedIds() }, DIALOG_TIMEOUT_MS));
  }

  private selectedIds(): string[] {
    return this.state.selected.filter((id) => this.model.runs.has(id));
  }

  private export(): Promise<void> {
    const columns = this.shownColumns();
    const titles = ['starred', ...columns.map(columnTitle)];
    const rows = this.runs.map((run) => [
      run.notes.starred,
      ...columns.map((column) => {
        const cell = this.model.cell(run, column.key);
        return column.kind === 'text' ? cellText(cell, column) : cell;
      }),
    ]);
    return this.guard(this.host.call('export', { lines: [titles, ...rows] }, DIALOG_TIMEOUT_MS));
  }

  private async guard(call: Promise<unknown>): Promise<void> {
    await call.catch((error: unknown) => this.say(error));
  }

  private say(what: unknown): void {
    this.message.classList.toggle('error', what instanceof Error);
    if (what instanceof Error) this.message.textContent = what.message;
    else this.message.textContent = typeof what === 'string' ? what : '';
  }
}

import type { RunsTableState, TableColumn } from '../../src/protocol/runs';
import { checkbox } from '../ui/controls';
import { element } from '../ui/dom';
import { columnTitle } from './cells';
import { isShown, NAME, NOTE, TAGS, type TableModel } from './model';

const GROUP_TITLES = { run: 'Run', metric: 'Metrics (last value)', result: 'Results (mean)', parameter: 'Parameters' };

/** The list beside the table that shows and hides columns. */
export class ColumnList {
  private readonly search = element('input', {
    type: 'search',
    id: 'column-search',
    placeholder: 'Find a column',
    'aria-label': 'Find a column',
  });
  private readonly list = element('div', { class: 'list' });
  readonly node = element('aside', { class: 'columns', 'aria-label': 'Columns' }, this.search, this.list);
  private shape = '';
  private redraw: () => void = () => undefined;

  constructor(private readonly onChange: (key: string, shown: boolean) => void) {
    this.search.addEventListener('input', () => this.redraw());
  }

  update(model: TableModel, state: RunsTableState): void {
    this.redraw = () => this.draw(model, state);
    this.redraw();
  }

  private draw(model: TableModel, state: RunsTableState): void {
    const wanted = this.search.value.trim().toLowerCase();
    const columns = model.columns.filter((column) => columnTitle(column).toLowerCase().includes(wanted));
    const entries = columns.map((column) => ({ column, shown: isShown(model, state, column) }));
    const shape = JSON.stringify([entries.map(({ column, shown }) => [column.key, shown]), state.differingOnly]);
    if (shape === this.shape) return;
    this.shape = shape;
    const groups = (['run', 'metric', 'result', 'parameter'] as const).map((group) => {
      const boxes = entries
        .filter(({ column }) => column.group === group && column.key !== NAME)
        .map(({ column, shown }) => this.entry(model, state, column, shown));
      if (boxes.length === 0) return undefined;
      const title = element('h2', {}, GROUP_TITLES[group]);
      return element('div', { role: 'group', 'aria-label': GROUP_TITLES[group] }, title, ...boxes);
    });
    this.list.replaceChildren(...groups.filter((group) => group !== undefined));
    if (columns.length === 0) this.list.append(element('p', { class: 'muted' }, 'No column matches.'));
  }

  private entry(model: TableModel, state: RunsTableState, column: TableColumn, shown: boolean): HTMLElement {
    const box = checkbox(columnTitle(column), shown, (checked) => this.onChange(column.key, checked));
    const always = column.key === TAGS || column.key === NOTE;
    if (state.differingOnly && !always && !model.differs(column.key)) {
      box.setAttribute('disabled', '');
      box.title = 'The same in all runs: hidden by “Only what differs”';
    }
    return box;
  }
}

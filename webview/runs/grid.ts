import type { SortKey, TableColumn } from '../../src/protocol/runs';
import { element } from '../ui/dom';
import { cellText, columnTitle, columnWidth } from './cells';
import { NAME, NOTE, TAGS, type Run, type TableModel } from './model';
import { GridCursor, type CellPlace } from './cursor';

export const ROW_HEIGHT = 26;
const MARGIN_ROWS = 8;
/** Cells before the columns: the box that selects a run, and the star. */
const LEAD = [
  { id: 'select', width: 34 },
  { id: 'star', width: 30 },
] as const;

export interface GridContent {
  readonly model: TableModel;
  readonly runs: readonly Run[];
  readonly columns: readonly TableColumn[];
  readonly sort: readonly SortKey[];
  readonly selected: ReadonlySet<string>;
}

/** What happens in the grid, for its owner to act on. */
export interface GridActions {
  sort(key: string, add: boolean): void;
  /** `range`: from the run that was selected last to this one. */
  select(run: Run, range: boolean): void;
  selectAll(): void;
  star(run: Run): void;
  open(run: Run): void;
  /** A cell that is edited in place was given a new text. */
  edit(run: Run, key: string, text: string): void;
  moveColumn(key: string, by: number): void;
  placeColumn(key: string, target: string, after: boolean): void;
  hideColumn(key: string): void;
}

const isEditable = (key: string | undefined): boolean => key === TAGS || key === NOTE;

/**
 * A grid of which only the rows in sight are in the page. Focus stays on the grid; the active cell is told to screen
 * readers by `aria-activedescendant`, so that rows may come and go.
 */
export class Grid {
  readonly node = element('div', {
    class: 'grid',
    role: 'grid',
    tabindex: 0,
    'aria-label': 'Runs',
    'aria-multiselectable': 'true',
  });
  private readonly head = element('div', { class: 'head row', role: 'row', 'aria-rowindex': 1 });
  private readonly body = element('div', { class: 'body', role: 'rowgroup' });
  private readonly rows = new Map<number, HTMLElement>();
  private readonly cursor: GridCursor;
  private content: GridContent | undefined;
  private headShape = '';
  private scheduled = false;
  private dragged: string | undefined;

  constructor(private readonly actions: GridActions) {
    this.cursor = new GridCursor(this.node, {
      size: () => ({ rows: this.content?.runs.length ?? 0, columns: LEAD.length + this.columns.length }),
      pageRows: () => Math.max(1, Math.floor(this.node.clientHeight / ROW_HEIGHT) - 2),
      moved: (place) => this.reveal(place),
      act: (place, event) => this.act(place, event),
    });
    this.node.append(this.head, this.body);
    this.node.addEventListener('scroll', () => this.schedule());
    this.node.addEventListener('click', (event) => this.clicked(event));
    this.node.addEventListener('dblclick', (event) => this.doubleClicked(event));
    this.dragColumns();
    new ResizeObserver(() => this.schedule()).observe(this.node);
  }

  update(content: GridContent): void {
    this.content = content;
    this.node.setAttribute('aria-rowcount', String(content.runs.length + 1));
    this.node.setAttribute('aria-colcount', String(LEAD.length + content.columns.length));
    this.body.style.height = `${content.runs.length * ROW_HEIGHT}px`;
    const width = [...LEAD.map((lead) => lead.width), ...content.columns.map(columnWidth)].reduce((a, b) => a + b, 0);
    this.node.style.setProperty('--row-width', `${width}px`);
    this.drawHead();
    this.paint();
  }

  private get columns(): readonly TableColumn[] {
    return this.content?.columns ?? [];
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.paint();
    });
  }

  private drawHead(): void {
    const { columns, sort, runs, selected } = this.content!;
    const all = runs.length > 0 && runs.every((run) => selected.has(run.id));
    const shape = JSON.stringify([columns.map(({ key }) => key), sort, all]);
    if (shape === this.headShape) return;
    this.headShape = shape;
    const cells = columns.map((column, index) => {
      const place = sort.findIndex((one) => one.key === column.key);
      const order = place < 0 ? 'none' : sort[place]!.descending ? 'descending' : 'ascending';
      const arrow = order === 'none' ? '' : order === 'ascending' ? '▲' : '▼';
      const title = columnTitle(column);
      const label = element('span', { class: 'title' }, title);
      const mark = element('span', { class: 'arrow', 'aria-hidden': 'true' });
      mark.textContent = arrow + (arrow && sort.length > 1 ? String(place + 1) : '');
      const cell = element(
        'div',
        { class: this.classOf(column), role: 'columnheader', 'aria-sort': order, draggable: column.key !== NAME },
        label,
        mark,
      );
      cell.title = `${column.key.replace(':', ': ')}\nClick to sort, Shift+click to sort by several, drag to move`;
      return this.placed(cell, LEAD.length + index, columnWidth(column), -1, column.key);
    });
    const box = element('span', { class: 'box', 'aria-hidden': 'true' });
    box.classList.toggle('on', all);
    const attributes = { class: 'cell lead', role: 'columnheader' };
    const selectAll = element('div', { ...attributes, 'aria-label': 'Select all runs shown' }, box);
    const star = element('div', { ...attributes, 'aria-label': 'Starred' }, '☆');
    this.head.replaceChildren(
      this.placed(selectAll, 0, LEAD[0].width, -1, 'select'),
      this.placed(star, 1, LEAD[1].width, -1, 'star'),
      ...cells,
    );
    this.markActive();
  }

  private classOf(column: TableColumn): string {
    const number = column.kind === 'number' || column.kind === 'duration';
    return `cell${number ? ' number' : ''}${column.key === NAME ? ' name' : ''}`;
  }

  private placed(cell: HTMLElement, column: number, width: number, row: number, key: string): HTMLElement {
    cell.id = `cell-${row}-${column}`;
    cell.dataset.key = key;
    cell.dataset.column = String(column);
    cell.setAttribute('aria-colindex', String(column + 1));
    cell.style.width = `${width}px`;
    return cell;
  }

  /** Brings the rows in the page up to date: those in sight and a few more. */
  private paint(): void {
    if (!this.content) return;
    const { runs, selected } = this.content;
    const first = Math.max(0, Math.floor(this.node.scrollTop / ROW_HEIGHT) - MARGIN_ROWS);
    const count = Math.ceil(this.node.clientHeight / ROW_HEIGHT) + 2 * MARGIN_ROWS;
    const last = Math.min(runs.length, first + count);
    for (const [index, row] of this.rows) {
      if (index >= first && index < last) continue;
      row.remove();
      this.rows.delete(index);
    }
    for (let index = first; index < last; index++) {
      const run = runs[index]!;
      const row = this.drawRow(run, index);
      row.setAttribute('aria-selected', String(selected.has(run.id)));
      row.classList.toggle('selected', selected.has(run.id));
    }
    this.node.dataset.rows = String(runs.length);
    this.markActive();
  }

  private drawRow(run: Run, index: number): HTMLElement {
    const { model, columns } = this.content!;
    const texts = columns.map((column) => cellText(model.cell(run, column.key), column));
    const shape = JSON.stringify([run.id, run.notes.starred, columns.map(({ key }) => key), texts]);
    const known = this.rows.get(index);
    if (known && (known.dataset.shape === shape || known.querySelector('input'))) return known;
    const cells = columns.map((column, at) => this.drawCell(column, texts[at]!, at, index));
    const box = element('span', { class: 'box', 'aria-hidden': 'true' });
    const star = element('span', { 'aria-hidden': 'true' }, run.notes.starred ? '★' : '☆');
    const name = String(model.cell(run, NAME) ?? run.id);
    const lead = { class: 'cell lead', role: 'gridcell' };
    const starCell = element(
      'div',
      { ...lead, 'aria-label': run.notes.starred ? `${name}: starred` : `${name}: not starred` },
      star,
    );
    starCell.classList.toggle('starred', run.notes.starred);
    const row = element(
      'div',
      { class: 'row', role: 'row', 'aria-rowindex': index + 2 },
      this.placed(element('div', { ...lead, 'aria-label': `Select ${name}` }, box), 0, LEAD[0].width, index, 'select'),
      this.placed(starCell, 1, LEAD[1].width, index, 'star'),
      ...cells,
    );
    row.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
    row.classList.toggle('odd', index % 2 === 1);
    row.dataset.index = String(index);
    row.dataset.shape = shape;
    if (known) known.replaceWith(row);
    else this.body.append(row);
    this.rows.set(index, row);
    return row;
  }

  private drawCell(column: TableColumn, text: string, at: number, row: number): HTMLElement {
    const cell = element('div', { class: this.classOf(column), role: 'gridcell', title: text });
    if (column.key === TAGS && text !== '')
      cell.append(...text.split(', ').map((tag) => element('span', { class: 'tag' }, tag)));
    else cell.append(text);
    if (column.kind === 'state') cell.dataset.state = text;
    if (isEditable(column.key)) {
      cell.classList.add('editable');
      if (text === '') cell.setAttribute('aria-label', `no ${column.name}`);
    }
    return this.placed(cell, LEAD.length + at, columnWidth(column), row, column.key);
  }

  private placeOf(event: Event): (CellPlace & { key: string }) | undefined {
    const cell = (event.target as HTMLElement).closest<HTMLElement>('.cell');
    if (!cell) return undefined;
    const row = cell.closest<HTMLElement>('.row')!;
    const index = row === this.head ? -1 : Number(row.dataset.index);
    return { row: index, column: Number(cell.dataset.column), key: cell.dataset.key ?? '' };
  }

  private clicked(event: MouseEvent): void {
    const place = this.placeOf(event);
    if (!place || (event.target as HTMLElement).closest('input')) return;
    this.cursor.set(place);
    const run = this.content?.runs[place.row];
    if (place.row < 0) this.actOnHead(place, event.shiftKey);
    else if (run && place.key === 'star') this.actions.star(run);
    else if (run && (place.key === 'select' || event.shiftKey || event.ctrlKey || event.metaKey))
      this.actions.select(run, event.shiftKey);
  }

  private doubleClicked(event: MouseEvent): void {
    const place = this.placeOf(event);
    const run = place && this.content?.runs[place.row];
    if (!run || place.column < LEAD.length) return;
    if (isEditable(place.key)) this.edit(place, run);
    else this.actions.open(run);
  }

  private actOnHead(place: CellPlace, add: boolean): void {
    const column = this.columns[place.column - LEAD.length];
    if (column) this.actions.sort(column.key, add);
    else if (place.column === 0) this.actions.selectAll();
  }

  /** Keys that the cursor leaves to the cell: Enter, Space, and on titles Alt+arrows and Delete. @returns whether used. */
  private act(place: CellPlace, event: KeyboardEvent): boolean {
    const column = this.columns[place.column - LEAD.length];
    if (place.row < 0) {
      if (event.key === 'Enter' || event.key === ' ') this.actOnHead(place, event.shiftKey);
      else if (column && event.altKey && event.key === 'ArrowLeft') this.moveColumn(column.key, -1);
      else if (column && event.altKey && event.key === 'ArrowRight') this.moveColumn(column.key, 1);
      else if (column && event.key === 'Delete') this.actions.hideColumn(column.key);
      else return false;
      return true;
    }
    const run = this.content?.runs[place.row];
    if (!run) return false;
    if (event.key === ' ') this.actions.select(run, event.shiftKey);
    else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) this.actions.selectAll();
    else if (event.key === 'Enter' && place.column === 1) this.actions.star(run);
    else if ((event.key === 'Enter' || event.key === 'F2') && isEditable(column?.key)) this.edit(place, run);
    else if (event.key === 'Enter') this.actions.open(run);
    else return false;
    return true;
  }

  private moveColumn(key: string, by: number): void {
    this.actions.moveColumn(key, by);
    const at = this.columns.findIndex((column) => column.key === key);
    this.cursor.set({ row: -1, column: LEAD.length + at });
  }

  private edit(place: CellPlace, run: Run): void {
    const cell = document.getElementById(`cell-${place.row}-${place.column}`);
    const column = this.columns[place.column - LEAD.length];
    if (!cell || !column) return;
    const before = String(this.content!.model.cell(run, column.key) ?? '');
    const placeholder = column.key === TAGS ? 'tags, separated by commas' : 'a note on this run';
    const input = element('input', { type: 'text', value: before, placeholder, 'aria-label': column.name });
    let done = false;
    const finish = (save: boolean): void => {
      if (done) return;
      done = true;
      const row = this.rows.get(place.row);
      if (row) row.dataset.shape = '';
      input.remove();
      if (save && input.value !== before) this.actions.edit(run, column.key, input.value);
      this.paint();
      this.node.focus({ preventScroll: true });
    };
    input.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.key === 'Enter' || event.key === 'Escape') finish(event.key === 'Enter');
    });
    input.addEventListener('blur', () => finish(true));
    cell.replaceChildren(input);
    input.select();
  }

  private reveal({ row, column }: CellPlace): void {
    if (row >= 0) {
      const top = row * ROW_HEIGHT;
      const room = this.node.clientHeight - this.head.offsetHeight;
      if (top < this.node.scrollTop) this.node.scrollTop = top;
      else if (top + ROW_HEIGHT > this.node.scrollTop + room) this.node.scrollTop = top + ROW_HEIGHT - room;
    }
    this.paint();
    const cell = document.getElementById(`cell-${row}-${column}`);
    const fixed = this.head.querySelector<HTMLElement>('.name')?.getBoundingClientRect().right ?? 0;
    if (!cell || column <= LEAD.length) return;
    const { left, right } = cell.getBoundingClientRect();
    const edge = this.node.getBoundingClientRect().right;
    if (left < fixed) this.node.scrollLeft -= fixed - left;
    else if (right > edge) this.node.scrollLeft += right - edge;
  }

  private markActive(): void {
    for (const old of this.node.querySelectorAll('.active')) old.classList.remove('active');
    const { row, column } = this.cursor.place;
    const cell = document.getElementById(`cell-${row}-${column}`);
    cell?.classList.add('active');
    if (cell) this.node.setAttribute('aria-activedescendant', cell.id);
    else this.node.removeAttribute('aria-activedescendant');
  }

  private dragColumns(): void {
    const clear = (): void => this.head.querySelectorAll('.drop').forEach((cell) => cell.classList.remove('drop'));
    this.head.addEventListener('dragstart', (event) => {
      this.dragged = this.placeOf(event)?.key;
      event.dataTransfer?.setData('text/plain', this.dragged ?? '');
    });
    this.head.addEventListener('dragover', (event) => {
      const cell = (event.target as HTMLElement).closest<HTMLElement>('.cell');
      if (!this.dragged || !cell || Number(cell.dataset.column) <= LEAD.length) return;
      event.preventDefault();
      clear();
      cell.classList.add('drop');
    });
    this.head.addEventListener('dragend', clear);
    this.head.addEventListener('drop', (event) => {
      event.preventDefault();
      clear();
      const target = this.placeOf(event)?.key;
      const keys = this.columns.map(({ key }) => key);
      if (this.dragged && target) {
        const after = keys.indexOf(target) > keys.indexOf(this.dragged);
        this.actions.placeColumn(this.dragged, target, after);
      }
      this.dragged = undefined;
    });
  }
}

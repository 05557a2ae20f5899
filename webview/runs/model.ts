import type { RunNotes, RunsTableState, SortKey, TableCell, TableColumn, TablePart } from '../../src/protocol/runs';
import { matches, parseQuery } from './query';

export interface Run {
  readonly id: string;
  notes: RunNotes;
  readonly cells: Map<string, TableCell>;
}

export const NAME = 'run:name';
export const TAGS = 'run:tags';
export const NOTE = 'run:note';

const NOTE_COLUMNS: readonly TableColumn[] = [
  { key: TAGS, group: 'run', name: 'tags', kind: 'text' },
  { key: NOTE, group: 'run', name: 'note', kind: 'text' },
];

/** Shown from the start; of the parameters all, as far as they differ. */
const FIRST = new Set([NAME, TAGS, NOTE, 'run:state', 'run:kind', 'run:created', 'run:step', 'run:duration']);
const FIRST_METRIC = /^metric:(loss|accuracy|validation\/.*)$/;

/** All runs with their columns, as far as the host has told of them. */
export class TableModel {
  private readonly known = new Map<string, TableColumn>();
  readonly runs = new Map<string, Run>();
  private differing: Set<string> | undefined;

  /** Columns in the order of the host, with those of the notes among the run's own. */
  get columns(): TableColumn[] {
    const all = [...this.known.values()];
    const rest = ['metric', 'result', 'parameter'].flatMap((group) => all.filter((column) => column.group === group));
    return [...all.filter(({ group }) => group === 'run'), ...NOTE_COLUMNS, ...rest];
  }

  merge({ columns, rows }: TablePart): void {
    for (const column of columns) this.known.set(column.key, column);
    for (const { id, notes, cells } of rows) {
      this.runs.set(id, { id, notes, cells: new Map(columns.map(({ key }, index) => [key, cells[index] ?? null])) });
    }
    this.differing = undefined;
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) this.runs.delete(id);
    this.differing = undefined;
  }

  /** The notes of a run were changed. */
  touch(): void {
    this.differing = undefined;
  }

  cell(run: Run, key: string): TableCell {
    if (key === TAGS) return run.notes.tags.length > 0 ? run.notes.tags.join(', ') : null;
    if (key === NOTE) return run.notes.note === '' ? null : run.notes.note;
    return run.cells.get(key) ?? null;
  }

  /** Whether two runs have different values in a column. */
  differs(key: string): boolean {
    this.differing ??= this.findDiffering();
    return this.differing.has(key);
  }

  private findDiffering(): Set<string> {
    const [first, ...others] = this.runs.values();
    const keys = this.columns.map((column) => column.key);
    if (!first) return new Set();
    return new Set(keys.filter((key) => others.some((run) => this.cell(run, key) !== this.cell(first, key))));
  }
}

/** Parameters that say the same as the name of the run. */
const NAMES = /^parameter:(name|output)$/;

const isShownAtFirst = ({ key, group }: TableColumn): boolean =>
  FIRST.has(key) || FIRST_METRIC.test(key) || group === 'result' || (group === 'parameter' && !NAMES.test(key));

/** Whether a column is shown: as the user said, else by what it is; the name always is. */
export function isShown(model: TableModel, state: RunsTableState, column: TableColumn): boolean {
  if (column.key === NAME) return true;
  const wanted = state.shown[column.key] ?? isShownAtFirst(column);
  const editable = column.key === TAGS || column.key === NOTE;
  return wanted && (editable || !state.differingOnly || model.differs(column.key));
}

/** Columns in the user's order; one that is new since stands behind the one it follows by nature. */
export function orderedColumns(model: TableModel, order: readonly string[]): TableColumn[] {
  const natural = model.columns;
  const byKey = new Map(natural.map((column) => [column.key, column]));
  const keys = order.filter((key) => byKey.has(key));
  natural.forEach(({ key }, index) => {
    if (keys.includes(key)) return;
    const before = natural[index - 1]?.key;
    keys.splice(before === undefined ? 0 : keys.indexOf(before) + 1, 0, key);
  });
  // The name stands still at the left.
  return [NAME, ...keys.filter((key) => key !== NAME)].flatMap((key) => byKey.get(key) ?? []);
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** Numbers before texts, empty cells last whichever way the sorting goes. */
function compareCells(a: TableCell, b: TableCell, descending: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const bothNumbers = typeof a === 'number' && typeof b === 'number';
  if (!bothNumbers && (typeof a === 'number' || typeof b === 'number')) return typeof a === 'number' ? -1 : 1;
  const order = bothNumbers ? a - b : collator.compare(String(a), String(b));
  return descending ? -order : order;
}

function compareRuns(model: TableModel, sort: readonly SortKey[]): (a: Run, b: Run) => number {
  return (a, b) => {
    for (const { key, descending } of sort) {
      const order = compareCells(model.cell(a, key), model.cell(b, key), descending);
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** The runs that pass the filter, sorted; a filter that cannot be read passes all and says why. */
export function shownRuns(model: TableModel, state: RunsTableState): { runs: Run[]; error?: string } {
  const query = parseQuery(state.filter, model.columns);
  const terms = 'terms' in query ? query.terms : [];
  const runs = [...model.runs.values()].filter((run) => {
    if (state.starredOnly && !run.notes.starred) return false;
    if (terms.length === 0) return true;
    const texts = [NAME, 'run:state', TAGS, NOTE].map((key) => model.cell(run, key) ?? '');
    return matches(terms, (key) => model.cell(run, key), texts.join('\n').toLowerCase());
  });
  if (state.sort.length > 0) runs.sort(compareRuns(model, state.sort));
  return 'error' in query ? { runs, error: query.error } : { runs };
}

/** The next sorting of a column that was clicked: ascending, descending, none; `add` keeps the other columns' sorting. */
export function nextSort(sort: readonly SortKey[], key: string, add: boolean): SortKey[] {
  const present = sort.find((one) => one.key === key);
  const others = add ? sort.filter((one) => one.key !== key) : [];
  if (present?.descending) return others;
  return [...others, { key, descending: present !== undefined }];
}

/** A key moved by some places among those that are shown. */
export function moveKey(all: readonly string[], shown: readonly string[], key: string, by: number): string[] {
  const target = shown[shown.indexOf(key) + by];
  return target === undefined ? [...all] : placeKey(all, key, target, by > 0);
}

/** A key taken out and put before or after another. */
export function placeKey(all: readonly string[], key: string, target: string, after: boolean): string[] {
  if (key === target) return [...all];
  const others = all.filter((one) => one !== key);
  others.splice(others.indexOf(target) + (after ? 1 : 0), 0, key);
  return others;
}

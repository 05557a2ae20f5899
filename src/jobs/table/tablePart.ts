import type { ColumnGroup, ColumnKind, TableCell, TableColumn, TablePart } from '../../protocol/runs';
import type { RunSummary } from '../runSummary';
import type { RunFacts } from './runFacts';

/** Seconds between two times, if both are there; unknown where the clock was set back between them. */
function secondsBetween(from: string | undefined, to: string | undefined): number | undefined {
  const seconds = (Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000;
  return seconds >= 0 && Number.isFinite(seconds) ? seconds : undefined;
}

interface OwnColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  of(run: RunSummary): TableCell | undefined;
}

/** Columns from what is known of a run without opening its other files. */
const OWN: readonly OwnColumn[] = [
  { name: 'name', kind: 'text', of: ({ label }) => label },
  { name: 'state', kind: 'state', of: ({ phase }) => phase },
  { name: 'kind', kind: 'text', of: ({ state }) => state.kind },
  { name: 'created', kind: 'time', of: ({ state }) => state.created },
  { name: 'step', kind: 'number', of: ({ state }) => state.step },
  { name: 'total steps', kind: 'number', of: ({ state }) => state.totalSteps },
  {
    name: 'duration',
    kind: 'duration',
    of: ({ state }) => secondsBetween(state.started, state.ended ?? state.heartbeat),
  },
  { name: 'device', kind: 'text', of: ({ state, launch }) => state.device ?? launch?.device },
  { name: 'host', kind: 'text', of: ({ state }) => state.host },
  { name: 'initialised from', kind: 'text', of: ({ state }) => state.initFrom },
  { name: 'reason', kind: 'text', of: ({ reason }) => reason },
];

const GROUPS: readonly ColumnGroup[] = ['run', 'metric', 'result', 'parameter'];

/** Numbers that are not finite travel as texts, which says more of a diverged run than an empty cell. */
function cellOf(value: TableCell | undefined): TableCell {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : (value ?? null);
}

function columnOf(group: ColumnGroup, name: string, kind: ColumnKind): TableColumn {
  return { key: `${group}:${name}`, group, name, kind };
}

const kindOf = (value: TableCell): ColumnKind | undefined =>
  value === null ? undefined : typeof value === 'number' ? 'number' : 'text';

/**
 * Rows of the table of runs.
 *
 * @param facts for each run, in the same order
 */
export function tablePart(runs: readonly RunSummary[], facts: readonly RunFacts[]): TablePart {
  const columns = new Map<string, TableColumn>();
  const cells = runs.map((run, index) => {
    const { parameters, metrics, results } = facts[index]!;
    const row = new Map<string, TableCell>();
    const put = (group: ColumnGroup, name: string, value: TableCell, kind?: ColumnKind): void => {
      const key = `${group}:${name}`;
      row.set(key, value);
      const known = columns.get(key);
      const found = kind ?? kindOf(value);
      // A column with a single text is sorted as texts.
      if (!known || (found === 'text' && known.kind === 'number'))
        columns.set(key, columnOf(group, name, found ?? known?.kind ?? 'number'));
    };
    for (const { name, kind, of } of OWN) put('run', name, cellOf(of(run)), kind);
    for (const [name, value] of metrics) put('metric', name, cellOf(value), 'number');
    for (const [name, value] of results) put('result', name, cellOf(value), 'number');
    for (const [name, value] of parameters) put('parameter', name, cellOf(value));
    return row;
  });
  const ordered = GROUPS.flatMap((group) => [...columns.values()].filter((column) => column.group === group));
  const rows = runs.map(({ dir }, index) => ({
    id: dir,
    notes: facts[index]!.notes,
    cells: ordered.map(({ key }) => cells[index]!.get(key) ?? null),
  }));
  return { columns: ordered, rows };
}

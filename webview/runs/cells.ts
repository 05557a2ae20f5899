import type { ColumnKind, TableCell, TableColumn } from '../../src/protocol/runs';
import { metricLabel } from '../ui/format';
import { formatDuration, formatTime, formatValue, significant } from '../../src/text';

const WIDTHS: Record<ColumnKind, number> = { number: 112, text: 150, time: 182, duration: 104, state: 112 };
const OWN_WIDTHS: Readonly<Record<string, number>> = {
  'run:name': 250,
  'run:tags': 160,
  'run:note': 240,
  'run:kind': 96,
  'run:step': 96,
};

/** Pixels that a column takes; wider for a long title, as far as that is sensible. */
export function columnWidth(column: TableColumn): number {
  return OWN_WIDTHS[column.key] ?? Math.max(WIDTHS[column.kind], Math.min(230, 44 + 6.6 * columnTitle(column).length));
}

export function columnTitle({ group, name }: TableColumn): string {
  if (group === 'parameter') return name;
  const label = metricLabel(name);
  return label.charAt(0).toUpperCase() + label.slice(1);
}

/** Measured numbers have the same places after the point, so that they can be compared down a column. */
function measuredText(value: number): string {
  const size = Math.abs(value);
  return size >= 0.01 && size < 1000 ? value.toFixed(4) : formatValue(value, 5);
}

/** A value as people read it. */
export function cellText(cell: TableCell, { kind, group }: Pick<TableColumn, 'kind' | 'group'>): string {
  if (cell === null) return '';
  if (kind === 'time') return formatTime(String(cell)) ?? String(cell);
  if (typeof cell !== 'number') return String(cell);
  if (kind === 'duration') return formatDuration(cell);
  if (Number.isInteger(cell)) return String(cell);
  return group === 'parameter' ? significant(cell, 6) : measuredText(cell);
}

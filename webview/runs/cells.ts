import type { ColumnKind, TableCell, TableColumn } from '../../src/protocol/runs';
import { formatValue, metricLabel } from '../curves/format';

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

function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const TIME: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' };

/** Measured numbers have the same places after the point, so that they can be compared down a column. */
function measuredText(value: number): string {
  const size = Math.abs(value);
  return size >= 0.01 && size < 1000 ? value.toFixed(4) : formatValue(value, 5);
}

/** A value as people read it. */
export function cellText(cell: TableCell, { kind, group }: Pick<TableColumn, 'kind' | 'group'>): string {
  if (cell === null) return '';
  if (kind === 'time') return new Date(String(cell)).toLocaleString(undefined, TIME);
  if (typeof cell !== 'number') return String(cell);
  if (kind === 'duration') return durationText(cell);
  if (Number.isInteger(cell)) return String(cell);
  return group === 'parameter' ? String(Number(cell.toPrecision(6))) : measuredText(cell);
}

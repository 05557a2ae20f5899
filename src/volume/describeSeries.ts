import type { SeriesEntry, SeriesList } from '../formats/types';
import { counted } from '../text';

/** A series in one line: `14 slices of 40×36, axial`. */
function facts({ slices, columns, rows, plane, part }: SeriesEntry): string {
  const where = part === '' || part.includes(plane) ? part || plane : `${plane}, ${part}`;
  return `${counted(slices, 'slice')} of ${columns}×${rows}${where === '' ? '' : `, ${where}`}`;
}

/** The series of a path as text of several lines, for `voco info` and `voco convert --list`. */
export function formatSeries(path: string, { series, others }: SeriesList): string {
  const rows = series.map((one) => [one.key, one.modality, one.description || '(no description)', facts(one)]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
  const choose = series.length > 1 ? ['  choose one with --series and its number (or UID)'] : [];
  const uids = new Set(series.map(({ uid }) => uid)).size;
  const volumes = series.length > uids ? `, ${series.length} volumes` : '';
  return [
    `${path}: ${uids} series${volumes}`,
    ...lines,
    ...others.map((text) => `  left out: ${text}`),
    ...choose,
  ].join('\n');
}

import { tableRows } from '../files/table';
import { namedLabel, rgbOf, type NamedLabel } from './entry';

/** Longer lines are no lines of a table. */
const MOST_CHARACTERS = 1000;

/** ITK-SNAP: `1  255 0 0  1 1 1  "liver"`: value, colour, opacity, two switches, name. */
function snapLine(line: string): NamedLabel | undefined {
  const found = /^(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+[\d.]+\s+\d+\s+\d+\s+"(.*)"$/.exec(line);
  return found
    ? namedLabel(Number(found[1]), found[5]!.replaceAll(String.raw`\"`, '"'), found.slice(2, 5).map(Number))
    : undefined;
}

/** FreeSurfer and Slicer: `2 Left-Cerebral-White-Matter 245 245 245 0`: value, name, colour, opacity. */
function tableLine(line: string): NamedLabel | undefined {
  const found = /^(\d+)\s+(\S.*?)\s+(\d+)\s+(\d+)\s+(\d+)(?:\s+\d+)?$/.exec(line);
  if (!found) return undefined;
  return namedLabel(Number(found[1]), found[2]!.replace(/^"(.*)"$/, '$1'), found.slice(3, 6).map(Number));
}

/** BIDS writes `n/a` for what is not known. */
const known = (field = ''): string => (/^n\/a$/i.test(field) ? '' : field);

/** Names of the columns of values, names and colours in tables with a header. */
const VALUES = ['labelvalue', 'label value', 'index', 'value', 'label', 'id'];
const NAMES = ['name', 'label name', 'labelname'];
const COLOURS = ['color', 'colour'];
const PARTS = [
  ['color_r', 'color_g', 'color_b'],
  ['red', 'green', 'blue'],
  ['r', 'g', 'b'],
];

/** Slicer's CSV (`LabelValue,Name,Color_R,Color_G,Color_B,…`), BIDS' TSV (`index`, `name`, `color`), and tables like them. */
function tableLabels(text: string): NamedLabel[] {
  const [header, ...rows] = tableRows(text, 'the labels');
  const columns = header?.fields.map((name) => name.toLowerCase()) ?? [];
  const column = (names: readonly string[]): number =>
    names.map((name) => columns.indexOf(name)).find((at) => at >= 0) ?? -1;
  const [value, name, colour] = [column(VALUES), column(NAMES), column(COLOURS)];
  const parts = PARTS.map((names) => names.map((part) => columns.indexOf(part))).find((at) => !at.includes(-1));
  if (value < 0 || name < 0) return [];
  return rows.flatMap(({ fields }) => {
    const rgb = parts ? parts.map((at) => Number(fields[at] || Number.NaN)) : rgbOf(fields[colour] ?? '');
    return namedLabel(fields[value] ? Number(fields[value]) : Number.NaN, known(fields[name]), rgb) ?? [];
  });
}

/**
 * The labels of a description beside a label map: of ITK-SNAP, FreeSurfer (`FreeSurferColorLUT.txt`), Slicer (`.ctbl`, `.csv`) or
 * BIDS (`dseg.tsv`). None when the text is something else.
 *
 * @throws UserError when the text is a table with quotes that do not match
 */
export function describedLabels(text: string): NamedLabel[] {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && line.length <= MOST_CHARACTERS);
  // A table with a header: what separates its columns stands in the first line.
  if (/[\t,;]/.test(lines[0] ?? '')) {
    const table = tableLabels(lines.join('\n'));
    if (table.length > 0) return table;
  }
  const labels = lines.flatMap((line) => snapLine(line) ?? tableLine(line) ?? []);
  // A text with a line or two that happen to look so is no description.
  return 2 * labels.length > lines.length ? labels : [];
}

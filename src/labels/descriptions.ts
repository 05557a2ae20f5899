import { namedLabel, type NamedLabel } from './entry';

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

/** BIDS: a table with the columns `index`, `name` and, where it has one, `color` (`#ff0000`). */
function bidsLabels(lines: readonly string[]): NamedLabel[] {
  const header = lines[0]?.split('\t').map((name) => name.trim().toLowerCase()) ?? [];
  const [index, name, colour] = ['index', 'name', 'color'].map((wanted) => header.indexOf(wanted));
  if (index! < 0 || name! < 0) return [];
  return lines.slice(1).flatMap((line) => {
    const fields = line.split('\t').map((field) => field.trim());
    const hex = /^#?([0-9a-f]{6})$/i.exec(fields[colour!] ?? '')?.[1];
    const rgb = hex ? [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) : [];
    return namedLabel(fields[index!] ? Number(fields[index!]) : Number.NaN, known(fields[name!]), rgb) ?? [];
  });
}

/**
 * The labels of a description beside a label map: of ITK-SNAP, FreeSurfer (`FreeSurferColorLUT.txt`), Slicer (`.ctbl`) or BIDS
 * (`dseg.tsv`). None when the text is something else.
 */
export function describedLabels(text: string): NamedLabel[] {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && line.length <= MOST_CHARACTERS);
  const bids = bidsLabels(lines);
  if (bids.length > 0) return bids;
  const labels = lines.flatMap((line) => snapLine(line) ?? tableLine(line) ?? []);
  // A text with a line or two that happen to look so is no description.
  return 2 * labels.length > lines.length ? labels : [];
}

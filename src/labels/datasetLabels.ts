import { namedLabel, type NamedLabel } from './entry';

/** What the `labels` of a `dataset.json` say. */
export interface DatasetLabels {
  /** Without background and ignored voxels, in the order of their lowest values, or of the file where classes overlap. */
  readonly classes: readonly { readonly name: string; readonly values: readonly number[] }[];
  /** The value of voxels that nobody labelled (`"ignore"` of nnU-Net). */
  readonly ignore?: number;
  /** Some value belongs to several classes, as in regions of nnU-Net. */
  readonly overlapping: boolean;
}

const wholeNumber = (value: unknown): number | undefined => {
  const number = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 65535 ? number : undefined;
};

/** One entry: `"1": "spleen"` of Decathlon, `"spleen": 1` or `"tumour": [1, 2]` of nnU-Net. */
function entryOf(key: string, value: unknown): { name: string; values: number[] } | undefined {
  if (typeof value === 'string' && wholeNumber(value) === undefined) {
    const number = wholeNumber(key);
    return number === undefined ? undefined : { name: value, values: [number] };
  }
  const values = (Array.isArray(value) ? value : [value]).map(wholeNumber);
  if (values.length === 0 || values.includes(undefined)) return undefined;
  return { name: key, values: values as number[] };
}

/** Reads the `labels` of a `dataset.json` of Decathlon or nnU-Net; undefined when they are something else. */
export function datasetLabels(labels: unknown): DatasetLabels | undefined {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return undefined;
  const entries = Object.entries(labels).flatMap(([key, value]) => entryOf(key, value) ?? []);
  if (entries.length === 0) return undefined;
  const isIgnored = ({ name }: { name: string }): boolean => name.toLowerCase() === 'ignore';
  const ignored = entries.find(isIgnored)?.values[0];
  const classes = entries.filter((entry) => !isIgnored(entry) && !entry.values.includes(0) && entry.name.trim() !== '');
  const all = classes.flatMap(({ values }) => values);
  const overlapping = new Set(all).size < all.length;
  const sorted = overlapping ? classes : classes.sort((a, b) => Math.min(...a.values) - Math.min(...b.values));
  return { classes: sorted, overlapping, ...(ignored !== undefined && { ignore: ignored }) };
}

/** Names of single values; a value in several regions is called by the region of fewest values. */
export function namesOfDataset(content: unknown): NamedLabel[] {
  const found = datasetLabels((content as { labels?: unknown } | null)?.labels);
  if (!found) return [];
  const names = new Map<number, string>();
  const bySize = [...found.classes].sort((a, b) => b.values.length - a.values.length);
  for (const { name, values } of bySize) for (const value of values) names.set(value, name);
  if (found.ignore !== undefined) names.set(found.ignore, 'ignore');
  return [...names].flatMap(([value, name]) => namedLabel(value, name) ?? []);
}

import { access, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BTCV_CLASSES, colourOfLabel } from '../labels/organs';

const LABEL_FOLDER = /^(labels?|labelstr|labelsts|segmentations?|masks?|predictions?)$/i;
const LABEL_NAME = /^(label|seg|mask)|[-_.](label|seg|mask|dseg)s?(?=[-_.\d])/i;

/** Whether a file's name or folder says that it holds labels. */
export function namedLikeLabels(file: string): boolean {
  return LABEL_FOLDER.test(basename(dirname(file))) || LABEL_NAME.test(basename(file));
}

/** The names of a datalist: `"1": "spleen"`, or nnU-Net's `"spleen": 1`. */
function namesIn(text: string): Map<number, string> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const labels = (parsed as { labels?: unknown } | null)?.labels;
  if (typeof labels !== 'object' || labels === null) return undefined;
  const names = new Map<number, string>();
  for (const [key, value] of Object.entries(labels)) {
    const [number, name] = typeof value === 'number' ? [value, key] : [Number(key), value];
    if (Number.isInteger(number) && typeof name === 'string') names.set(number, name);
  }
  return names.size > 0 ? names : undefined;
}

/** Names from a datalist in the file's folder or one of the two above it. */
async function datalistNames(file: string): Promise<Map<number, string> | undefined> {
  let folder = dirname(file);
  for (let level = 0; level < 3; level++, folder = dirname(folder)) {
    const entries = await readdir(folder).catch(() => []);
    const lists = entries.filter((name) => /^data(set|list).*\.json$/i.test(name)).sort();
    for (const name of lists) {
      const names = namesIn(await readFile(join(folder, name), 'utf8').catch(() => ''));
      if (names) return names;
    }
  }
  return undefined;
}

/** How the classes of a label file are called and coloured: by its datalist, else by the BTCV table when its numbers fit. */
export async function labelNames(
  file: string,
  highest: number,
): Promise<(value: number) => { name: string; colour: string }> {
  const names = await datalistNames(file);
  const btcv = new Map(BTCV_CLASSES.map((organ) => [organ.value, organ]));
  const byName = new Map(BTCV_CLASSES.map((organ) => [organ.name, organ]));
  const fits = highest < BTCV_CLASSES.length && highest > 1;
  return (value) => {
    const name = names?.get(value) ?? (fits && !names ? btcv.get(value)?.name : undefined);
    const organ = byName.get(name?.toLowerCase() ?? '');
    const background = value === 0 ? 'background' : `label ${value}`;
    return { name: name ?? background, colour: organ?.colour ?? colourOfLabel(value) };
  };
}

/** The label file that belongs to an image by the usual layouts: `imagesTr/x` and `labelsTr/x`, `img0001` and `label0001`. */
export async function siblingLabels(file: string): Promise<string | undefined> {
  const [folder, name] = [dirname(file), basename(file)];
  const parent = basename(folder);
  const folders = /^images?/i.test(parent)
    ? ['label', 'labels'].map((word) => join(dirname(folder), parent.replace(/^images?/i, word)))
    : [];
  const names = [
    name,
    name.replace(/_0000(?=\.nii)/, ''),
    name.replace(/^(img|image|ct)/i, 'label'),
    name.replace(/^(img|image|ct)/i, 'seg'),
  ];
  const wanted = [...folders, folder].flatMap((place) => [...new Set(names)].map((one) => join(place, one)));
  for (const candidate of wanted) {
    if (candidate === file) continue;
    const there = await access(candidate).then(
      () => true,
      () => false,
    );
    if (there) return candidate;
  }
  return undefined;
}

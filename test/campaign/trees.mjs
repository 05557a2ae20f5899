import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** What a file is first written under: docs/outputs.md. */
const TEMPORARY = /\.tmp$/;
/** What differs between two runs of the same command: clocks, process numbers, messages. */
const CHANGING = /^(run\.json|log\.txt|output\.txt|plot\.svg|curves\.json|init\.json|results\.csv)$/;
/** Of a living process, or named after a time. */
const PASSING = /^(events\.out\.tfevents\..*|alive-.*|owner\.json|claim\.lock|control\.sock)$/;
const TIMING = new Set(['secondsPerStep', 'cropsPerSecond', 'memoryBytes']);
/** Of results.json and locate.json: when and how long. */
const CLOCKS = new Set([
  'created',
  'ended',
  'started',
  'seconds',
  'date',
  'heartbeat',
  'checked',
  'mtimeMs',
  'ctimeMs',
]);

/** All files below a folder by their relative names, in order. */
export const filesBelow = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile())
        .sort()
    : [];

export const temporariesBelow = (folder) =>
  existsSync(folder) ? readdirSync(folder, { recursive: true }).filter((name) => TEMPORARY.test(name)) : [];

const hash = (...parts) =>
  parts
    .reduce((sum, part) => sum.update(part), createHash('sha256'))
    .digest('hex')
    .slice(0, 16);

/** Tensors of a safetensors file as one hash; throws where the file is not whole. */
function tensorsOf(content) {
  const length = Number(content.readBigUInt64LE(0));
  const header = JSON.parse(content.subarray(8, 8 + length).toString('utf8'));
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
  const end = Math.max(0, ...tensors.map(([, { data_offsets: offsets }]) => offsets[1]));
  if (content.length !== 8 + length + end) throw new Error(`${content.length} bytes instead of ${8 + length + end}`);
  tensors.sort(([a], [b]) => (a < b ? -1 : 1));
  return hash(
    ...tensors.map(
      ([
        name,
        {
          data_offsets: [from, to],
        },
      ]) => Buffer.concat([Buffer.from(name), content.subarray(8 + length + from, 8 + length + to)]),
    ),
  );
}

/** Steps of a run without what the clock says; a torn last line is left out, as every reader does. */
export function stepsOf(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  lines.pop();
  return lines.map((line) => JSON.stringify(JSON.parse(line), (key, value) => (TIMING.has(key) ? undefined : value)));
}

const withoutClocks = (text) => JSON.stringify(JSON.parse(text), (key, value) => (CLOCKS.has(key) ? undefined : value));

/** What a file says, free of clocks and process numbers; throws where it cannot be read to its end. */
function essence(file) {
  const name = basename(file);
  if (name.endsWith('.jsonl')) return stepsOf(file).join('\n');
  const content = readFileSync(file);
  if (name.endsWith('.safetensors')) return tensorsOf(content);
  if (name.endsWith('.gz')) return hash(gunzipSync(content));
  if (name.endsWith('.voco.json')) return hash(content);
  if (/\.(vol|verdict)$/.test(name)) return 'there';
  if (name.endsWith('.json')) {
    const text = withoutClocks(content.toString('utf8'));
    return CHANGING.test(name) ? 'json' : text;
  }
  return CHANGING.test(name) ? 'there' : hash(content);
}

/**
 * Names in a cache of volumes, and the volumes, tell the times of the images, which differ from copy to copy: entries are told by their
 * ending and, for volumes, their size.
 */
function cacheNames(tree, folder) {
  const renamed = [...tree].map(([name, text]) => {
    if (!name.startsWith('cache/') || text.startsWith('unreadable')) return [name, text];
    const ending = extname(name);
    return [ending === '.vol' ? `cache/${statSync(join(folder, name)).size}.vol` : `cache/${ending}`, 'there'];
  });
  const counts = new Map();
  return new Map(
    renamed.map(([name, text]) => {
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      return [count > 1 ? `${name} (${count})` : name, text];
    }),
  );
}

/** What lies below a folder: relative name to what the file says, or to why it cannot be read (begins with "unreadable"). */
export function treeOf(folder) {
  const tree = new Map();
  for (const name of filesBelow(folder)) {
    if (TEMPORARY.test(name) || PASSING.test(basename(name))) continue;
    try {
      tree.set(name, essence(join(folder, name)));
    } catch (error) {
      tree.set(name, `unreadable: ${error.message}`);
    }
  }
  return cacheNames(tree, folder);
}

/** Files that are half written. */
export const unreadableIn = (tree) =>
  [...tree].filter(([, text]) => text.startsWith('unreadable')).map(([name, text]) => `${name} is ${text}`);

/** How a tree differs from another, a line for each file. */
export function differences(tree, expected) {
  const found = [];
  for (const [name, text] of expected) {
    if (!tree.has(name)) found.push(`${name} is missing`);
    else if (tree.get(name) !== text)
      found.push(`${name} differs: ${tree.get(name).slice(0, 300)} instead of ${text.slice(0, 300)}`);
  }
  for (const name of tree.keys()) if (!expected.has(name)) found.push(`${name} is left over`);
  return found;
}

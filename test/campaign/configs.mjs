/** Configs that are long, deep or full of what no config has: each is refused in lines that name it, soon and in little memory. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from './stand.mjs';
import { INTERNAL, lastWords, voco } from './voco.mjs';

const MOST_MS = 10_000;
const config = (rest) => JSON.stringify({ kind: 'pretrain', name: 'x', data: { train: ['scans/*.nii.gz'] }, ...rest });
const numbered = (count, value) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, value(i)]));
const nested = (depth, open, close) => `{ "kind": "pretrain", "data": ${open.repeat(depth)}1${close.repeat(depth)} }`;

/** Name to text. */
const texts = (size) => ({
  'unknown-keys': config(numbered(size, (i) => i)),
  'unknown-keys-in-lines': JSON.stringify(JSON.parse(config(numbered(size, (i) => i))), null, 2),
  comments: `${'// a comment\n'.repeat(size)}${config({})}`,
  entries: config({ data: { train: Array.from({ length: 20 * size }, (_, i) => `scan${i}.nii.gz`) } }),
  'wrong-entries': config({ data: { train: Array.from({ length: size }, (_, i) => i) } }),
  patterns: config({ data: { train: Array.from({ length: 100 }, () => '**/'.repeat(40) + '*a*a*a*a*a*b') } }),
  braces: config({ data: { train: ['{a,b}'.repeat(40)] } }),
  'deep-arrays': nested(10 * size, '[', ']'),
  'deep-objects': nested(10 * size, '{"a":', '}'),
  'open-brackets': '['.repeat(10 * size),
  'long-name': config({ name: 'x'.repeat(100 * size) }),
  'long-key': config({ ['k'.repeat(100 * size)]: 1 }),
  infinite: config({}).replace('"x"', '"x", "seed": 1e999'),
  'same-key': `{ ${Array.from({ length: size }, () => '"kind": "pretrain"').join(', ')} }`,
});

async function trial(folder, name, text, limit) {
  const file = join(folder, `${name}.voco.json`);
  writeFileSync(file, text);
  const faults = [];
  let slowest = 0;
  for (const args of [
    ['check', file],
    ['pretrain', file, '--dry-run'],
  ]) {
    const ended = await voco(args, { cwd: folder, env: environment(folder), limit });
    slowest = Math.max(slowest, ended.ms);
    if (ended.signal) faults.push(`${args[0]}: took more than ${limit / 1000} s`);
    else if (ended.code === 0 || INTERNAL.test(ended.error)) faults.push(`${args[0]}: ${lastWords(ended)}`);
    else if (ended.error.trim() === '' && ended.out.trim() === '') faults.push(`${args[0]}: failed without a word`);
  }
  return { ms: slowest, faults };
}

/** @param {{ size?: number, limit?: number, onTrial?: (text: string) => void }} options `size`: lines; `limit`: milliseconds a command */
export async function run({ size = 10_000, limit = MOST_MS, onTrial = () => undefined }) {
  const folder = mkdtempSync(join(tmpdir(), 'voco-configs-'));
  const all = Object.entries(texts(size));
  const result = { planned: all.length, done: 0, slowest: { name: '', ms: 0 }, faults: [] };
  for (const [name, text] of all) {
    const { ms, faults } = await trial(folder, name, text, limit);
    result.done += 1;
    if (ms > result.slowest.ms) result.slowest = { name, ms: Math.round(ms) };
    result.faults.push(...faults.map((fault) => ({ name, fault })));
    onTrial(`configs: ${name}: ${(ms / 1000).toFixed(1)} s${faults.length > 0 ? ` FAILED: ${faults[0]}` : ''}`);
  }
  rmSync(folder, { recursive: true });
  return result;
}

// The long tests. `npm run campaign [-- PART... ] [--count N] [--seed N] [--only NAME,NAME] [--out FILE.json]`
// Parts of reliability, all of them without a name: kill, terminate, disk, hostile, configs. `learning` (does pre-training help?) is
// run by its name alone, and has options of its own (learning.mjs). docs/reliability.md has what they found.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { closingLines, tally } from '../tally.mjs';

const PARTS = ['kill', 'terminate', 'disk', 'hostile', 'configs'];
const [first, ...rest] = process.argv.slice(2);
if (first === 'learning') {
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, 'learning.mjs'), ...rest], {
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' }, out: { type: 'string' } },
});
const unknown = positionals.filter((name) => !PARTS.includes(name));
if (unknown.length > 0) {
  console.error(`campaign: unknown part "${unknown[0]}"; parts: ${[...PARTS, 'learning'].join(', ')}`);
  process.exit(2);
}
const options = {
  ...(values.count && { count: Number(values.count) }),
  ...(values.seed && { seed: Number(values.seed) }),
  ...(values.only && { only: values.only.split(',') }),
  onTrial: (text) => console.log(text),
  onFile: (done) => done % 100 === 0 && console.log(`hostile: ${done} files`),
};
const load = () => loadavg()[0].toFixed(1);
const results = [];
const report = {
  date: new Date().toISOString(),
  processor: `${availableParallelism()} × ${cpus()[0]?.model}`,
  parts: {},
};
for (const part of positionals.length > 0 ? positionals : PARTS) {
  const started = performance.now();
  const before = load();
  const { run } = await import(`./${part}.mjs`);
  const result = await run(part === 'hostile' ? { count: 2000, ...options } : options);
  const seconds = Math.round((performance.now() - started) / 1000);
  report.parts[part] = { ...result, seconds, load: [before, load()] };
  console.log(JSON.stringify(report.parts[part], null, 2));
  results.push({
    file: `test/campaign/${part}.mjs`,
    test: part,
    state: result.faults.length === 0 ? 'passed' : 'failed',
  });
  if (values.out) writeFileSync(values.out, JSON.stringify(report, null, 2));
}
const counts = tally(results, []);
console.log(closingLines(counts).join('\n'));
process.exit(counts.failed === 0 ? 0 : 1);

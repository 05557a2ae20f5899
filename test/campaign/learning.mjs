// The long form of the tests of training: does pre-training help, as docs/benchmarks.md says? `npm run campaign -- learning [--seeds 10]
// [--steps N] [--out DIR]`. Makes the demo's dataset, pre-trains on it, fine-tunes from that and from scratch on 1, 2 and 4 labelled
// cases, and looks at the scores. About an hour on two cores; called again on the same folder, it starts anew but keeps the data.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { closingLines, tally } from '../tally.mjs';

const root = join(import.meta.dirname, '../..');
const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    steps: { type: 'string' },
    out: { type: 'string', default: join(root, 'sample-data/campaign') },
  },
});
const out = resolve(options.out);
const results = [];

function check(test, holds, seen) {
  console.log(`${holds ? 'ok' : 'FAILED'}: ${test}: ${seen}`);
  results.push({ file: 'test/campaign/learning.mjs', test, state: holds ? 'passed' : 'failed' });
}

/** Directories of studies below `folder`, the oldest first. */
const studies = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .filter((name) => name.endsWith('study.json') && !name.includes('node_modules'))
        .sort()
    : [];

const before = studies(out);
const demo = ['demo', '--finetune', '--out', out, '--seeds', options.seeds];
const { status } = spawnSync(
  process.execPath,
  [join(root, 'dist/voco.cjs'), ...demo, ...(options.steps ? ['--steps', options.steps] : [])],
  { stdio: 'inherit' },
);
check('the demo with its comparison ends well', status === 0, `exit code ${status}`);
const made = studies(out).find((name) => !before.includes(name));
if (made) {
  const { runs, differences } = JSON.parse(readFileSync(join(out, made), 'utf8'));
  const done = runs.filter(({ state, score }) => state === 'finished' && Number.isFinite(score));
  const expected = 2 * 3 * Number(options.seeds);
  check('every fine-tuning has finished with a score', done.length === expected, `${done.length} of ${expected}`);
  for (const { amount, mean, deviation, ahead, count } of differences) {
    const text = `${mean.toFixed(3)} ± ${deviation?.toFixed(3) ?? '?'}, ahead in ${ahead} of ${count}`;
    // With more labels less is left of the gain, and chance may turn its sign: only one labelled case is a claim.
    if (amount === 1) check('pre-training is ahead with one labelled case', mean > 0 && 2 * ahead > count, text);
    else console.log(`with ${amount} labelled cases: ${text}`);
  }
} else check('the comparison is written', false, 'there is no new study.json');
const counts = tally(results, []);
console.log(closingLines(counts).join('\n'));
process.exit(counts.failed === 0 ? 0 : 1);

// Which unit tests `npm test -- --quick` runs: those that what has changed can break, the short ones first, as many as fit.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';

const root = join(import.meta.dirname, '..');
const timesFile = join(root, 'node_modules/.cache/voco-test-times.json');
/** Milliseconds of tests that two workers end in a minute and a half or so. */
const BUDGET = 120_000;
/** What a file takes by itself, and with tests that were never timed. */
const [START, UNKNOWN] = [700, 2000];

const lines = (command, ...args) => {
  const { stdout } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  return (stdout ?? '').split('\n').filter(Boolean);
};

/** Where the branch left main; on main itself, what is not committed counts as changed. */
function base() {
  for (const main of ['main', 'origin/main']) {
    const [found] = lines('git', 'merge-base', 'HEAD', main);
    if (found) return found;
  }
  return 'HEAD';
}

const readTimes = () => (existsSync(timesFile) ? JSON.parse(readFileSync(timesFile, 'utf8')) : {});

/** Remembers how long the tests of each file took. */
export function keepTimes(results) {
  const times = {};
  for (const { file, ms = 0 } of results) times[file] = (times[file] ?? 0) + ms;
  mkdirSync(dirname(timesFile), { recursive: true });
  writeFileSync(timesFile, JSON.stringify({ ...readTimes(), ...times }));
}

/** Divides files into those that fit into `budget` milliseconds, the quickest first, and the rest. */
export function fitting(files, times, budget = BUDGET) {
  const cost = (file) => START + (times[file] ?? UNKNOWN);
  const run = [];
  const left = [];
  let spent = 0;
  for (const file of [...files].sort((a, b) => cost(a) - cost(b))) {
    spent += cost(file);
    (spent <= budget || run.length === 0 ? run : left).push(file);
  }
  return { run, left };
}

/** Files of unit tests for what has changed: `run` those in the time there is, `left` the others. */
export function changedTests() {
  const since = base();
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const found = lines(process.execPath, vitest, 'list', 'test/unit', '--changed', since, '--filesOnly');
  const files = new Set(found.filter((line) => line.endsWith('.test.ts')));
  // No module imports the native engine's sources, nor the tests' runner.
  const changed = [
    ...lines('git', 'diff', '--name-only', since),
    ...lines('git', 'ls-files', '-o', '--exclude-standard'),
  ];
  const besides = {
    'native/': ['test/unit/tensor/backends/onednn', 'test/unit/native'],
    'test/': ['test/unit/runner'],
  };
  for (const [folder, tests] of Object.entries(besides)) {
    if (!changed.some((name) => name.startsWith(folder))) continue;
    for (const name of lines('git', 'ls-files', ...tests)) if (name.endsWith('.test.ts')) files.add(name);
  }
  return fitting(files, readTimes());
}

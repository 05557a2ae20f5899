// Runs every check and test of the project. The closing lines tell what was skipped and why, and what is quarantined; the last
// is "N passed, N failed".
//   node test/run.mjs [--only types,eslint,eslint-types,knip,prettier,vitest,workbench] [--quick] [--full] [--slowest N]
// --quick: types, lint, and the unit tests of what has changed since the branch left main. --full: tests in their long form, each of the
// workbench in a window of its own.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { buildNative, buildState, canBuild } from '../native/build.mjs';
import { quarantine } from './quarantine.mjs';
import { changedTests, keepTimes } from './quick.mjs';
import { closingLines, slowest, tally } from './tally.mjs';

const root = join(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules/.bin', name);
const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    slowest: { type: 'string', default: '0' },
  },
});
const parts = options.only?.split(',') ?? [
  'types',
  'eslint',
  'eslint-types',
  'knip',
  'prettier',
  'vitest',
  ...(options.quick ? [] : ['workbench']),
];
const scratch = mkdtempSync(join(tmpdir(), 'voco-test-'));
const env = { ...process.env, ...(options.full && { VOCO_FULL: '1' }) };
/** @type {import('./tally.d.mts').Result[]} */
const results = [];

/** A check without a test count of its own: counts as one test. */
async function check(name, command, args) {
  if (!parts.includes(name)) return;
  const started = Date.now();
  const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' });
  const ok = await new Promise((done) => {
    child.once('error', () => done(false));
    child.once('exit', (code) => done(code === 0));
  });
  const ms = Date.now() - started;
  results.push({ file: name, test: name, state: ok ? 'passed' : 'failed', ms });
  console.log(`${ok ? 'ok' : 'FAILED'}: ${name} (${(ms / 1000).toFixed(0)} s)`);
}

/** Adds what a program reported to the results. A run that went wrong without saying in which test is a failure too. */
function collect(name, file, ok) {
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { results: [], errors: ['no report'] };
  results.push(...report.results);
  for (const error of report.errors ?? []) {
    console.log(`FAILED: ${error}`);
    results.push({ file: name, test: error, state: 'failed' });
  }
  if (!ok && report.results.every(({ state }) => state !== 'failed') && !report.errors?.length)
    results.push({ file: name, test: `${name} ended with an error`, state: 'failed' });
}

function vitest() {
  if (!parts.includes('vitest')) return;
  const { run, left } = options.quick ? changedTests() : { run: [], left: [] };
  if (left.length > 0) console.log(`too long for --quick, not run:\n${left.map((name) => `  ${name}`).join('\n')}`);
  if (options.quick && run.length === 0) return;
  const report = join(scratch, 'vitest.json');
  const reporters = ['--reporter=dot', `--reporter=${join(root, 'test/vitestReporter.mjs')}`];
  const { status } = spawnSync(bin('vitest'), ['run', ...reporters, ...run], {
    cwd: root,
    env: { ...env, VOCO_REPORT: report },
    stdio: 'inherit',
  });
  collect('vitest', report, status === 0);
  if (!options.quick) keepTimes(results.filter(({ file }) => file.endsWith('.test.ts')));
}

/**
 * Fetches the editor for the workbench tests while other checks compute. A failure is told by those tests, which prepare again
 * what is missing.
 */
function prepareWorkbench() {
  if (!parts.includes('workbench')) return Promise.resolve();
  const child = spawn('bash', ['test/extension/setup.sh'], { cwd: root, env, stdio: 'ignore' });
  return new Promise((done) => {
    child.once('error', done);
    child.once('exit', done);
  });
}

/** Tests in a real VS Code workbench, driven through a browser. */
function workbench() {
  if (!parts.includes('workbench')) return;
  const report = join(scratch, 'workbench.json');
  const { status } = spawnSync(process.execPath, ['test/extension/run.mjs', ...(options.full ? ['--alone'] : [])], {
    cwd: root,
    // The pictures are for people: `npm run test:extension` takes them.
    env: { VOCO_PICTURES: '0', ...env, VOCO_REPORT: report },
    stdio: 'inherit',
  });
  collect('workbench', report, status === 0);
}

// `npm test` has built the engine; here only an edit since then is left to be built.
if (parts.includes('vitest') && buildState() === 'stale' && canBuild()) buildNative();
await Promise.all([
  prepareWorkbench(),
  check('eslint', bin('eslint'), ['.']),
  check('eslint-types', bin('eslint'), ['-c', 'eslint.types.config.mjs', 'src', 'webview', 'test', 'bench']),
  check('knip', bin('knip'), ['--no-progress']),
  check('types', bin('tsc'), ['-p', '.']).then(() =>
    check('prettier', bin('prettier'), ['--check', '--log-level=warn', '.']),
  ),
]);
vitest();
workbench();
rmSync(scratch, { recursive: true, force: true });

const counts = tally(results, quarantine, { whole: options.only === undefined && !options.quick });
if (options.slowest !== '0') console.log(slowest(results, Number(options.slowest)).join('\n'));
console.log(closingLines(counts).join('\n'));
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);

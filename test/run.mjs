// Runs every check and test of the project and ends with one line of totals: `node test/run.mjs [--only name,...]`.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'voco-test-'));
const bin = (name) => join(root, 'node_modules/.bin', name);
const onlyAt = process.argv.indexOf('--only');
const only = onlyAt > 0 ? process.argv[onlyAt + 1].split(',') : undefined;

const env = { ...process.env };

const totals = { passed: 0, failed: 0 };

/** A check without a test count of its own: counts as one test. */
async function check(name, command, args) {
  if (only && !only.includes(name)) return;
  const started = Date.now();
  const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' });
  const ok = await new Promise((done) => {
    child.once('error', () => done(false));
    child.once('exit', (code) => done(code === 0));
  });
  totals[ok ? 'passed' : 'failed'] += 1;
  console.log(`${ok ? 'ok' : 'FAILED'}: ${name} (${((Date.now() - started) / 1000).toFixed(0)} s)`);
}

function vitest() {
  if (only && !only.includes('vitest')) return;
  const report = join(scratch, 'vitest.json');
  const args = ['run', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  const result = spawnSync(bin('vitest'), args, { cwd: root, env, stdio: 'inherit' });
  const summary = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined;
  totals.passed += summary?.numPassedTests ?? 0;
  totals.failed += summary?.numFailedTests ?? 0;
  // A file that fails to load runs no test of its own, and must not pass unseen.
  if (result.status !== 0 && (summary?.numFailedTests ?? 0) === 0) totals.failed += 1;
}

/**
 * Fetches the editor for the workbench tests while other checks compute. A failure is told by those tests, which prepare again
 * what is missing.
 */
function prepareWorkbench() {
  if (only && !only.includes('workbench')) return Promise.resolve();
  const child = spawn('bash', ['test/extension/setup.sh'], { cwd: root, env, stdio: 'ignore' });
  return new Promise((done) => {
    child.once('error', done);
    child.once('exit', done);
  });
}

/** Tests in a real VS Code workbench, driven through a browser. */
function workbench() {
  if (only && !only.includes('workbench')) return;
  const report = join(scratch, 'workbench.json');
  // The pictures are for people: `npm run test:extension` takes them.
  const reporting = { VOCO_PICTURES: '0', ...env, VOCO_E2E_REPORT: report };
  const result = spawnSync(process.execPath, ['test/extension/run.mjs'], {
    cwd: root,
    env: reporting,
    stdio: 'inherit',
  });
  const summary = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { passed: 0, failed: 0 };
  totals.passed += summary.passed;
  totals.failed += summary.failed;
  if (result.status !== 0 && summary.failed === 0) totals.failed += 1;
}

await Promise.all([
  prepareWorkbench(),
  check('eslint', bin('eslint'), ['.']),
  check('types', bin('tsc'), ['-p', '.']).then(() =>
    check('prettier', bin('prettier'), ['--check', '--log-level=warn', '.']),
  ),
]);
vitest();
workbench();
rmSync(scratch, { recursive: true, force: true });

console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);

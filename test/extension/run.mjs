// Runs the tests in a real VS Code workbench: `node test/extension/run.mjs [--desktop] [name part ...]`, with --desktop in a
// downloaded VS Code instead of code-server. With VOCO_E2E_REPORT set, the counts of passed and failed tests are written to
// that file as JSON.
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { run } from 'node:test';
import { downloadDesktop } from './desktop.mjs';

const here = import.meta.dirname;
const parts = process.argv.slice(2).filter((part) => part !== '--desktop');
if (process.argv.includes('--desktop')) {
  try {
    process.env.VOCO_DESKTOP ??= await downloadDesktop();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
const setup = spawnSync('bash', [join(here, 'setup.sh')], { stdio: ['ignore', 2, 2] });
if (setup.status !== 0) {
  console.error('test/extension/setup.sh failed: see above');
  process.exit(1);
}

const files = readdirSync(here)
  .filter((name) => name.endsWith('.test.mjs') && (parts.length === 0 || parts.some((part) => name.includes(part))))
  .sort()
  .map((name) => join(here, name));

/** Runs one file and counts its tests. */
function runFile(file) {
  const counts = { passed: 0, failed: 0 };
  const stream = run({ files: [file], concurrency: 1, timeout: 300_000 });
  stream.on('test:diagnostic', ({ message, nesting }) => nesting > 0 && console.log(`  ${message}`));
  stream.on('test:stderr', ({ message }) => process.stderr.write(message));
  stream.on('test:stdout', ({ message }) => process.stdout.write(message));
  stream.on('test:pass', ({ name, details }) => {
    if (details.type === 'suite') return;
    counts.passed += 1;
    console.log(`ok: ${name} (${(details.duration_ms / 1000).toFixed(1)} s)`);
  });
  stream.on('test:fail', ({ name, details }) => {
    if (details.type === 'suite' || details.error?.failureType === 'subtestsFailed') return;
    counts.failed += 1;
    const cause = details.error?.cause ?? details.error;
    const text = cause?.message?.startsWith('not reached') ? cause.message : (cause?.stack ?? cause);
    console.log(`FAILED: ${name}\n${text}`);
  });
  stream.resume();
  return new Promise((done) => stream.on('end', () => done(counts)));
}

const totals = { passed: 0, failed: 0 };
for (const file of files) {
  let counts = await runFile(file);
  if (counts.failed > 0) {
    // A browser on a busy machine misses a click now and then: what is really broken fails again.
    console.log(`once more: ${basename(file)}`);
    counts = await runFile(file);
  }
  totals.passed += counts.passed;
  totals.failed += counts.failed;
}
if (process.env.VOCO_E2E_REPORT) writeFileSync(process.env.VOCO_E2E_REPORT, JSON.stringify(totals));
console.log(`extension: ${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);

// Runs the tests in a real VS Code workbench: `node test/extension/run.mjs [--desktop] [--alone] [name part ...]`. --desktop: in
// a downloaded VS Code instead of code-server. --alone: each test in a window and a server of its own, which shows that none
// needs another. With VOCO_REPORT set, what became of each test is written to that file as JSON (see test/tally.mjs).
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { run } from 'node:test';
import { quarantine } from '../quarantine.mjs';
import { closingLines, tally } from '../tally.mjs';
import { downloadDesktop } from './desktop.mjs';

const here = import.meta.dirname;
const flags = ['--desktop', '--alone'];
const parts = process.argv.slice(2).filter((part) => !flags.includes(part));
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

/** Runs one file; the results of its tests. The limit is for a file that hangs. */
function runFile(file) {
  const results = [];
  const add = (name, state, { details, skip }, reason) => {
    const found = { file: `test/extension/${basename(file)}`, test: name, state, reason, ms: details.duration_ms };
    results.push(
      skip === undefined
        ? found
        : { ...found, state: 'skipped', reason: typeof skip === 'string' && skip ? skip : undefined },
    );
  };
  const stream = run({ files: [file], concurrency: 1, timeout: 3_600_000 });
  stream.on('test:diagnostic', ({ message, nesting }) => nesting > 0 && console.log(`  ${message}`));
  stream.on('test:stderr', ({ message }) => process.stderr.write(message));
  stream.on('test:stdout', ({ message }) => process.stdout.write(message));
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite') return;
    add(event.name, 'passed', event);
    console.log(`${event.skip === undefined ? 'ok' : 'skipped'}: ${event.name} (${seconds(event)} s)`);
  });
  stream.on('test:fail', (event) => {
    const { name, details } = event;
    if (details.type === 'suite' || details.error?.failureType === 'subtestsFailed') return;
    add(name, 'failed', event);
    const cause = details.error?.cause ?? details.error;
    console.log(`FAILED: ${name} (${seconds(event)} s)\n${cause?.stack ?? cause}`);
  });
  stream.resume();
  return new Promise((done) => stream.on('end', () => done(results)));
}

const seconds = ({ details }) => (details.duration_ms / 1000).toFixed(1);

/** Runs each test of a file in a process of its own, until there is no further one. */
async function runAlone(file) {
  const results = [];
  for (let at = 0; ; at++) {
    process.env.VOCO_E2E_AT = String(at);
    const found = (await runFile(file)).filter(({ test }) => basename(test) !== basename(file));
    if (found.length === 0) break;
    results.push(...found);
  }
  delete process.env.VOCO_E2E_AT;
  return results;
}

const results = [];
for (const file of files) {
  console.log(`${basename(file)}:`);
  results.push(...(await (process.argv.includes('--alone') ? runAlone(file) : runFile(file))));
}
if (process.env.VOCO_REPORT) writeFileSync(process.env.VOCO_REPORT, JSON.stringify({ results }));
const counts = tally(results, quarantine);
console.log(closingLines(counts).join('\n'));
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);

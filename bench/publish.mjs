// Measures what docs/benchmarks.md shows, and with --write puts it there: `node bench/publish.mjs [--write] [--only step,growth]`.
// For an idle machine: 12 minutes on 2 cores. Needs the bundles, `node bench/peers/setup.mjs` and test/extension/setup.sh.
// --quick runs every part with small settings, to see that all of it works; nothing is written then.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { busyWarning, describeMachine, machineLine } from './machine.mjs';
import { fail } from './peers/python.mjs';

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs/benchmarks.md');
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});

/** What is run for each part, and the smaller form of it. */
const PARTS = {
  step: ['bench/run.mjs step --rounds 2', 'bench/run.mjs step --rounds 1 --runs 1 --feature-size 12'],
  inference: ['bench/run.mjs inference --rounds 2', 'bench/run.mjs inference --rounds 1 --runs 1 --feature-size 12 --size 64'],
  bf16: ['bench/run.mjs step --rounds 1 --precision bf16', 'bench/run.mjs step --rounds 1 --runs 1 --feature-size 12 --precision bf16'],
  growth: ['bench/growth.mjs', 'bench/growth.mjs --quick --runs 1'],
  conv: ['dist/voco.cjs bench conv --device onednn', 'dist/voco.cjs bench conv --device onednn --feature-size 12 --size 16 --runs 1'],
  devices: ['dist/voco.cjs devices', 'dist/voco.cjs devices'],
  data: ['dist/voco.cjs bench data', 'dist/voco.cjs bench data --cases 1 --volume 64,64,32 --runs 1'],
  curves: ['bench/curves.mjs', 'bench/curves.mjs 2 1000'],
  panel: ['bench/panel.mjs', 'bench/panel.mjs 2 1000'],
  viewer: ['bench/viewer.mjs 3 --alone', 'bench/viewer.mjs 1 64,64,32 --alone'],
  preview: ['bench/preview.mjs 2', 'bench/preview.mjs 1 64,64,64'],
}; // prettier-ignore

const names = values.only?.split(',') ?? Object.keys(PARTS);
for (const name of names) {
  if (!Object.hasOwn(PARTS, name)) {
    fail('bench/publish', `unknown part "${name}": use ${Object.keys(PARTS).join(', ')}`, 2);
  }
}
const say = (text) => process.stderr.write(`${text}\n`);

/** Standard output of a program of this checkout. Progress goes to the terminal. */
async function run(command) {
  const child = spawn(process.execPath, command.split(' '), { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const status = await new Promise((done) => child.once('close', done));
  if (status !== 0) throw new Error(`node ${command} ended with status ${status}`);
  return output.trimEnd();
}

/** Command and output, as the page shows them; programs that do not name machine, commit and day get a line that does. */
async function measure(name) {
  const command = PARTS[name][values.quick ? 1 : 0];
  const machine = describeMachine();
  const warning = busyWarning(machine);
  if (warning && values.write) throw new Error(warning);
  const started = performance.now();
  const output = await run(command);
  say(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const origin = /, commit /.test(output) ? '' : `\n${machineLine(machine)}`;
  return `\`\`\`text\n$ node ${command}\n${output}${origin}\n\`\`\``;
}

/** @returns the page with the part between its marks replaced. @throws Error when the page has no such marks */
function replacePart(text, name, block) {
  const [start, end] = [`<!-- measured: ${name} -->`, '<!-- end -->'];
  const from = text.indexOf(start);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`${page} has no place for ${name}: add ${start} and ${end}`);
  return `${text.slice(0, from + start.length)}\n\n${block}\n\n${text.slice(to)}`;
}

let failed = 0;
for (const name of names) {
  try {
    const block = await measure(name);
    process.stdout.write(`${block}\n\n`);
    if (values.write && !values.quick) writeFileSync(page, replacePart(readFileSync(page, 'utf8'), name, block));
  } catch (error) {
    failed += 1;
    say(`bench/publish: ${name}: ${error.message}`);
  }
}
process.exit(failed > 0 ? 1 : 0);

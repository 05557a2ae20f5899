// Measures what docs/benchmarks.md shows, and with --write puts it there: `node bench/publish.mjs [--write] [--only step,growth]`.
// For an idle machine: 12 minutes on 2 cores. Needs the bundles, `node bench/peers/setup.mjs` and test/extension/setup.sh.
// --quick runs every part with small settings, to see that all of it works; nothing is written then.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { PARTS, replacePart } from './page.mjs';
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

// Makes the peer of the benchmarks: `node bench/peers/setup.mjs [--python python3]`. Needs Python 3.10 or newer with venv, and
// PyPI. The wheel of Linux brings CUDA libraries, 6 GB on the disk, so neither setup.mjs nor CI runs this. Safe to run again.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { fail, runPeer, VENV, VENV_PYTHON } from './python.mjs';

const { values } = parseArgs({ options: { python: { type: 'string', default: 'python3' } } });

function run(command, args, advice) {
  // Standard output is for the description at the end.
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) fail('bench/peers/setup', `${error?.message ?? `${command} ${args.join(' ')} failed`}: ${advice}`);
}

if (!existsSync(VENV_PYTHON)) {
  run(values.python, ['-m', 'venv', VENV], 'install Python with venv (Debian: apt-get install python3-venv)');
}
run(
  VENV_PYTHON,
  ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', join(import.meta.dirname, 'requirements.txt')],
  'see above. Without PyPI the benchmarks take Debian’s: apt-get install python3-torch libopenblas0',
);
try {
  const { problems } = runPeer(VENV_PYTHON, 'check.py');
  if (problems.length > 0) throw new Error(`its network differs from the reference: ${problems.join('; ')}`);
  process.stdout.write(`${JSON.stringify(runPeer(VENV_PYTHON, 'environment.py'))}\n`);
} catch (error) {
  fail('bench/peers/setup', error.message);
}

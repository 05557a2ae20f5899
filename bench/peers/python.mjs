// Which Python the peer runs in: the virtual environment that setup.mjs makes, else Debian's with its python3-torch.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';

const root = join(import.meta.dirname, '../..');

/** The folder of the virtual environment, which git ignores. */
export const VENV = join(import.meta.dirname, '.venv');
/** Its Python, there or not. */
export const VENV_PYTHON = join(VENV, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
/** Debian's python3-torch belongs to Debian's Python. */
const DEBIAN_PYTHON = '/usr/bin/python3';

/** Ends the program with a message and without a stack trace. */
export function fail(program, message, status = 1) {
  process.stderr.write(`${program}: ${message}\n`);
  process.exit(status);
}

/** The Python to measure with: `given`, or the first that has PyTorch. @throws Error that tells how to get one */
export function findPython(given) {
  const candidates = given ? [given] : [VENV_PYTHON, DEBIAN_PYTHON].filter(existsSync);
  for (const python of candidates) {
    if (spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0) return python;
  }
  const setup = relative(process.cwd(), join(import.meta.dirname, 'setup.mjs'));
  const where = given ? `${given} has no PyTorch` : 'there is no PyTorch to compare with';
  throw new Error(
    `${where}: make it with "node ${setup}", or where PyPI cannot be reached, apt-get install python3-torch libopenblas0`,
  );
}

/** Runs a program of this folder and returns what it writes to standard output. @throws Error with its last line */
export function runPeer(python, program, args = []) {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  const command = [join(import.meta.dirname, program), ...args];
  const { status, signal, stdout, stderr, error } = spawnSync(python, command, { cwd: root, env, encoding: 'utf8' });
  if (status === 0) return JSON.parse(stdout);
  const reason = error?.message ?? stderr?.trim().split('\n').pop();
  throw new Error(reason || `${program} ended ${signal ? `by ${signal}` : `with status ${status}`}: ${stdout}`);
}

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Debian's python3-torch belongs to Debian's python. */
const PYTHON = '/usr/bin/python3';
const CHECK = join(import.meta.dirname, '../../bench/peers/check.py');

const found = spawnSync(PYTHON, ['-c', 'import numpy, torch'], { encoding: 'utf8' });
if (found.status !== 0) console.warn('the PyTorch peer is not checked: python3-torch is not installed');

test.skipIf(found.status !== 0)(
  'the benchmarks’ peer is the reference network',
  () => {
    const env = { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };
    const { stdout } = spawnSync(PYTHON, [CHECK], { encoding: 'utf8', env });
    expect(JSON.parse(stdout)).toMatchObject({ problems: [], studentParameters48: 63_918_194 });
  },
  180_000,
);

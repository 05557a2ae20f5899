import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import { needs, pythonWith } from '../support/needs';

const CHECK = join(import.meta.dirname, '../../bench/peers/check.py');

const torch = pythonWith('numpy', 'torch');

needs(torch).test('the benchmarks’ peer is the reference network', () => {
  const env = { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const { stdout } = spawnSync(torch.python, [CHECK], { encoding: 'utf8', env });
  expect(JSON.parse(stdout)).toMatchObject({ problems: [], studentParameters48: 63_918_194 });
});

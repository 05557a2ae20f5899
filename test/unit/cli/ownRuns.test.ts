import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { controlRun, killRun, stopRun } from '../../../src/jobs/control';
import { summarizeRun } from '../../../src/jobs/runSummary';
import { killChildren, makeTinyPhantom, metricsLines, startVoco, until, writeConfig } from '../../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-own-'));
const before = process.env.VOCO_STATE_DIR;

vi.setConfig({ testTimeout: 120_000 });

beforeAll(() => makeTinyPhantom(root));
afterAll(() => {
  process.env.VOCO_STATE_DIR = before;
  killChildren();
  rmSync(root, { recursive: true, force: true });
});

it('a run that was started in a terminal is controlled from the editor, by this user alone', async () => {
  const train = { steps: 100_000, checkpointEvery: 50_000, validateEvery: 50_000 };
  const config = writeConfig(root, 'endless', 'cpu', { train, schedule: { name: 'constant' } });
  const runDir = join(root, 'runs', 'typed');
  const running = startVoco(['pretrain', config, '--run', runDir], root);
  await until(() => metricsLines(runDir) >= 1, 'a step');

  // Another user of this machine sees it train, and cannot reach it.
  process.env.VOCO_STATE_DIR = join(root, 'another user');
  const seen = await summarizeRun(runDir);
  expect(seen).toMatchObject({ live: true, here: false, foreign: expect.stringContaining('not started by you') });
  for (const action of [stopRun(seen), killRun(seen), controlRun(seen, 'pause')])
    await expect(action).rejects.toThrow(/only be .* where it was started/);

  process.env.VOCO_STATE_DIR = before;
  const own = await summarizeRun(runDir);
  expect(own).toMatchObject({ live: true, here: true });
  expect(own.foreign).toBeUndefined();
  await stopRun(own);
  expect((await running.finished).code).toBe(130);
});

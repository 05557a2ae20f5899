import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands';
import { commandOf, exceptions, scenarios } from '../campaign/commands.mjs';
import { run as configs } from '../campaign/configs.mjs';
import { run as disk } from '../campaign/disk.mjs';
import { run as kill } from '../campaign/kill.mjs';
import { makeStand, type Stand } from '../campaign/stand.mjs';
import { run as terminate } from '../campaign/terminate.mjs';

/** The short form of `npm run campaign`, which asserts outcomes and no seconds. */
const PATIENCE = { limit: 120_000 };
let stand: Stand;

beforeAll(async () => {
  stand = await makeStand();
});
afterAll(() => stand.remove());

const program = join(import.meta.dirname, '../../dist/voco.cjs');

test('each command has its part in the campaign, or is an exception with a reason', () => {
  const taken = [...scenarios.map(commandOf), ...Object.keys(exceptions)];
  expect([...new Set(taken)].sort()).toEqual(commands.map(({ name }) => name).sort());
  for (const scenario of scenarios) expect(exceptions[commandOf(scenario)]).toBeUndefined();
});

test('an exception that writes nothing writes nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voco-nothing-'));
  const env = { ...process.env, VOCO_STATE: join(folder, 'state'), VOCO_CACHE: join(folder, 'cache') };
  execFileSync(process.execPath, [program, 'devices'], { cwd: folder, env });
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a killed import is whole or absent, and a killed resume goes on exactly', async () => {
  const { faults, done } = await kill({ stand, count: 2, seed: 4, only: ['resume', 'import'] });
  expect(faults).toEqual([]);
  expect(done).toBeGreaterThan(0);
});

test('a signal during an evaluation ends it, and the work is gone on with', async () => {
  const { faults, done } = await terminate({ stand, count: 1, only: ['evaluation'], ...PATIENCE });
  expect(faults).toEqual([]);
  expect(done).toBe(1);
});

test('a full disk is told in a line and leaves nothing half written', async () => {
  const { faults, failed } = await disk({ stand, count: 2, only: ['import', 'init'] });
  expect(faults).toEqual([]);
  expect(failed).toBeGreaterThan(0);
});

test('long, deep and odd configs are refused in lines', async () => {
  const { faults, done, planned } = await configs({ size: 1000, ...PATIENCE });
  expect(faults).toEqual([]);
  expect(done).toBe(planned);
});

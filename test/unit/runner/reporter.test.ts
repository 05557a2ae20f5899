import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Result } from '../../tally.mjs';

const project = join(import.meta.dirname, '../../..');
const root = mkdtempSync(join(tmpdir(), 'voco-reporter-'));
let report: { results: Result[]; errors: string[] };

beforeAll(() => {
  symlinkSync(join(project, 'node_modules'), join(root, 'node_modules'));
  const helper = JSON.stringify(join(project, 'test/support/needs.ts'));
  writeFileSync(
    join(root, 'own.test.ts'),
    `import { describe, expect, it } from 'vitest';
    import { needs, skipNow } from ${helper};
    it('passes', () => {});
    it('fails', () => expect(1).toBe(2));
    it.skip('skips', () => {});
    it('skips late', (context) => skipNow(context, 'no disk'));
    needs({ present: false, missing: 'no GPU' }).test('skips by need', () => {});
    needs({ present: false, missing: 'no GPU' }).describe('group', () => it.each([1, 2])('%s', () => {}));
    needs({ present: true, missing: 'nothing' }).test('has what it needs', () => {});
    `,
  );
  writeFileSync(join(root, 'broken.test.ts'), `throw new Error('cannot be loaded');`);
  const file = join(root, 'report.json');
  const vitest = join(project, 'node_modules/vitest/vitest.mjs');
  const reporter = join(project, 'test/vitestReporter.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--root', root, `--reporter=${reporter}`], {
    env: { ...process.env, VOCO_REPORT: file, VITEST: undefined },
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  report = JSON.parse(readFileSync(file, 'utf8')) as typeof report;
});
afterAll(() => rmSync(root, { recursive: true }));

it('what became of each test is reported, with the reason of a skip', () => {
  const seen = report.results.map(({ file, test, state, reason }) => ({
    file,
    test,
    state,
    ...(reason && { reason }),
  }));
  const own = (test: string, state: string, reason?: string) => ({
    file: 'own.test.ts',
    test,
    state,
    ...(reason && { reason }),
  });
  expect(seen).toEqual([
    own('passes', 'passed'),
    own('fails', 'failed'),
    own('skips', 'skipped'),
    own('skips late', 'skipped', 'no disk'),
    own('skips by need', 'skipped', 'no GPU'),
    own('group > 1', 'skipped', 'no GPU'),
    own('group > 2', 'skipped', 'no GPU'),
    own('has what it needs', 'passed'),
  ]);
});

it('a file that cannot be loaded is an error', () => {
  expect(report.errors).toEqual(['broken.test.ts: cannot be loaded']);
});

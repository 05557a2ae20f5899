import { describe, expect, it } from 'vitest';
import { closingLines, slowest, tally, type Result } from '../../tally.mjs';

const result = (test: string, state: Result['state'], more: Partial<Result> = {}): Result => ({
  file: 'test/a.test.ts',
  test,
  state,
  ...more,
});

describe('the counts of a run of tests', () => {
  it('end with passed and failed alone on a line', () => {
    const counts = tally([result('a', 'passed'), result('b', 'passed'), result('c', 'failed')], []);
    expect(closingLines(counts)).toEqual(['0 skipped', '0 quarantined', '2 passed, 1 failed']);
  });

  it('tell how many were skipped for each reason', () => {
    const reasons = ['no compiler', 'no PyTorch', 'no compiler'];
    const counts = tally(
      [result('a', 'passed'), ...reasons.map((reason) => result(reason, 'skipped', { reason }))],
      [],
    );
    expect(closingLines(counts)).toEqual([
      '3 skipped:',
      '  2: no compiler',
      '  1: no PyTorch',
      '0 quarantined',
      '1 passed, 0 failed',
    ]);
  });

  it('take a skip without a reason for a failure, and say which it is', () => {
    const counts = tally([result('a', 'passed'), result('b', 'skipped')], []);
    expect(counts).toMatchObject({ passed: 1, failed: 1 });
    expect(closingLines(counts)[0]).toMatch(/^FAILED: test\/a\.test\.ts: b was skipped without a reason/);
  });

  it('tell the failure of a quarantined test apart, and count it when it passes', () => {
    const quarantine = [{ file: 'test/a.test.ts', test: 'group > b', reason: 'the browser loses a key' }];
    const failing = tally([result('a', 'passed'), result('group > b', 'failed')], quarantine, { whole: true });
    expect(failing).toMatchObject({ passed: 1, failed: 0 });
    expect(closingLines(failing).slice(-3)).toEqual([
      '1 quarantined:',
      '  test/a.test.ts: group > b failed; quarantined: the browser loses a key',
      '1 passed, 0 failed',
    ]);
    expect(tally([result('group > b', 'passed')], quarantine)).toMatchObject({ passed: 1, failed: 0 });
    // The same name in another file, or another name, is another test.
    const other = { ...result('group > b', 'failed'), file: 'test/b.test.ts' };
    expect(tally([other, result('b', 'failed')], quarantine)).toMatchObject({ failed: 2, quarantined: [] });
  });

  it('fail for a quarantined test that is gone, when all have run', () => {
    const quarantine = [{ file: 'test/a.test.ts', test: 'old', reason: 'flaky' }];
    expect(tally([result('a', 'passed')], quarantine, { whole: true })).toMatchObject({ passed: 1, failed: 1 });
    expect(tally([result('a', 'passed')], quarantine)).toMatchObject({ passed: 1, failed: 0 });
  });

  it('name the slowest files with their slowest test', () => {
    const tests = [result('a', 'passed', { ms: 1000 }), result('b', 'passed', { ms: 2500 })];
    const other = { ...result('c', 'passed', { ms: 3000 }), file: 'test/b.test.ts' };
    expect(slowest([other, ...tests], 1)).toEqual(['3.5 s test/a.test.ts, of these 2.5 s: b']);
  });
});

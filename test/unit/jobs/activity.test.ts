import { expect, test } from 'vitest';
import { activityOf, describeRun, shortText } from '../../../src/jobs/runText';
import type { RunSummary } from '../../../src/jobs/runSummary';
import type { RunPhase, RunState } from '../../../src/runs/runDirectory';

function run(phase: RunPhase, activity: unknown): RunSummary {
  const state = { name: 'demo', kind: 'pretrain', state: phase, step: 30, totalSteps: 100, activity };
  return { dir: '/runs/demo', label: 'demo', state: state as unknown as RunState, phase, live: true, here: true };
}

test('what a run is at stands beside its progress', () => {
  const validating = run('running', { what: 'validating case 3 of 12', share: 0.256 });
  expect(describeRun(validating)).toBe('running · validating case 3 of 12 (25%) · 30 of 100 (30%)');
  expect(shortText(validating)).toBe('30% · validating case 3 of 12 (25%)');
  expect(shortText(run('starting', { what: 'reading the cases', share: 0.5 }))).toBe(
    'starting · reading the cases (50%)',
  );
});

test('a pause and a stop tell what they wait for', () => {
  const activity = { what: 'computing step 31', share: 0.25 };
  expect(shortText(run('pausing', activity))).toBe('pausing, waits for: computing step 31 (25%)');
  expect(describeRun(run('stopping', activity))).toBe('stopping, waits for: computing step 31 (25%) · 30 of 100 (30%)');
  expect(shortText(run('stopping', undefined))).toBe('stopping');
});

test.each([{}, null, 5, 'text', { what: 7 }, { what: '' }])('an activity that is none is not shown: %j', (activity) => {
  expect(activityOf(run('running', activity))).toBeUndefined();
  expect(describeRun(run('running', activity))).toBe('running · 30 of 100 (30%)');
});

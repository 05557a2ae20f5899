import { expect, it } from 'vitest';
import { collapseText } from '../../../src/pretext/voco/metrics';
import { TaskTraining, type TrainingParts } from '../../../src/train/training';
import type { Batch } from '../../../src/tasks';

it('tells of a collapse once, when it has lasted', () => {
  const told: string[] = [];
  const parts = { task: { trouble: collapseText }, onWarning: (text: string) => told.push(text) };
  const training = new TaskTraining(parts as unknown as TrainingParts<Batch>);
  const steps = (count: number, featureStd: number): void => {
    for (let i = 0; i < count; i++) training.watch({ loss: 1, featureStd });
  };
  steps(19, 0.001);
  steps(1, 0.8);
  steps(19, 0.001);
  expect(told).toEqual([]);
  steps(40, 0.001);
  expect(told).toEqual([expect.stringContaining('collapsed')]);
});

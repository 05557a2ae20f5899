import { expect, it } from 'vitest';
import { pretextDescriptors } from '../../../src/pretext/descriptors';
import { TaskTraining, type TrainingParts } from '../../../src/train/training';
import type { Batch } from '../../../src/tasks';

it.each(['voco', 'simclr'])('%s tells of a collapse once, when it has lasted', (name) => {
  const told: string[] = [];
  const { charts } = pretextDescriptors.get(name)!;
  const parts = { task: {}, charts, onWarning: (text: string) => told.push(text) };
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

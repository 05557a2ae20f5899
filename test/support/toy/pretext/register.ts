import { pretextDescriptors } from '../../../../src/pretext/descriptors';
import { pretextTasks } from '../../../../src/pretext/tasks';
import { brightness } from './descriptor';
import { brightnessPreview } from './preview';
import { brightnessSampler } from './sampler';
import { brightnessTask } from './task';

/** Puts the task of the tests beside ours, both halves, by what puts ours in. @returns what takes it out again */
export function registerToyPretext(): () => void {
  const light = pretextDescriptors.register('brightness', brightness);
  const heavy = pretextTasks.register('brightness', {
    sampler: () => Promise.resolve(brightnessSampler),
    task: () => Promise.resolve(brightnessTask),
    preview: () => Promise.resolve(brightnessPreview),
  });
  return () => {
    light();
    heavy();
  };
}

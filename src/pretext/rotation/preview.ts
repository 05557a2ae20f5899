import { cropPreview } from '../crops/preview';
import { turnText } from '../crops/turns';
import type { RotationMethod } from './descriptor';
import { turnClasses, turnedSample } from './sampler';

export const rotationPreview = cropPreview<RotationMethod>(turnedSample, ({ rows }, { turns }) => {
  const [{ input, labels }] = rows as [(typeof rows)[number]];
  const classes = turnClasses(turns);
  return {
    goesIn: [{ name: 'The turned crop', voxels: input }],
    asked: [],
    question: `Which of ${classes.length} turns: ${turnText(classes[labels![0]!]!)}`,
  };
});

import { trainingCommand, trainingOf } from '../trainingCommand';

export const finetune = trainingCommand(
  'finetune',
  'fine-tunes a pre-trained network on labelled volumes',
  trainingOf('finetune'),
  { labels: true },
);

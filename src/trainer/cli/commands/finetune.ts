import { trainingCommand } from '../trainingCommand';

export const finetune = trainingCommand(
  'finetune',
  'fine-tunes a pre-trained network on labelled volumes',
  async () => (await import('../../finetune')).finetune,
);

import { trainingCommand } from '../trainingCommand';

export const finetune = trainingCommand(
  'finetune',
  'fine-tunes a pre-trained network on labelled volumes',
  async () => {
    const { finetune, estimateFinetune } = await import('../../downstream');
    return { train: finetune, estimate: estimateFinetune };
  },
);

import { trainingCommand } from '../trainingCommand';

export const study = trainingCommand(
  'study',
  'compares fine-tuning from a checkpoint with scratch, on few and on many labelled cases',
  async () => {
    const { study, estimateStudy } = await import('../../study');
    return { train: study, estimate: estimateStudy };
  },
  { labels: true },
);

import { trainingCommand } from '../trainingCommand';

export const pretrain = trainingCommand('pretrain', 'pre-trains a network with VoCo', async () => {
  const { pretrain, estimatePretrain } = await import('../../pretext/voco/train');
  return { train: pretrain, estimate: estimatePretrain };
});

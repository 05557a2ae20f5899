import { trainingCommand } from '../trainingCommand';

export const pretrain = trainingCommand(
  'pretrain',
  'pre-trains a network with VoCo',
  async () => (await import('../../pretrain')).pretrain,
);

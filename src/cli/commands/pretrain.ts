import { trainingCommand, trainingOf } from '../trainingCommand';

export const pretrain = trainingCommand(
  'pretrain',
  'pre-trains a network on volumes without labels',
  trainingOf('pretrain'),
  { labels: false },
);

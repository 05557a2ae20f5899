import { cropPreview } from '../crops/preview';
import { pairSample } from './sampler';

export const simclrPreview = cropPreview(pairSample, ({ rows: [one, two] }) => ({
  goesIn: [
    { name: 'The crop', voxels: one!.input },
    { name: 'Its partner', voxels: two!.input },
  ],
  asked: [],
  question: 'Which crop of the batch overlaps which',
}));

import { cropPreview } from '../crops/preview';
import type { VolumeFusionMethod } from './descriptor';
import { fusedSample } from './sampler';

/** What the numbers of the picture mean. */
export const SHARES = 'Share of the crop: 0 blue, 1 yellow';

export const volumeFusionPreview = cropPreview<VolumeFusionMethod>(fusedSample, ({ rows }, { classes }) => {
  const [{ input, labels }] = rows as [(typeof rows)[number]];
  return {
    goesIn: [{ name: 'Two crops, mixed', voxels: input }],
    asked: [{ name: SHARES, voxels: Uint8Array.from(labels!), classes }],
  };
});

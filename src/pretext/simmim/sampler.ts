import { maskedSample } from '../crops/masked';
import { cropSampler } from '../crops/sampler';
import type { SimmimMethod } from './descriptor';

/** Hidden voxels are 0, and the network puts a token in place of their embeddings. */
export const simmimSample = maskedSample<SimmimMethod>(({ ratio }) => ratio, 'behind a token');

export const simmimSampler = cropSampler(simmimSample);

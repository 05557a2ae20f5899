import { maskedSample } from '../crops/masked';
import { cropSampler } from '../crops/sampler';
import type { MaeMethod } from './descriptor';

export const maeSample = maskedSample<MaeMethod>(({ ratio }) => ratio, 'hidden');

export const maeSampler = cropSampler(maeSample);

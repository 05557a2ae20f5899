import { cropPreview } from '../crops/preview';
import { pairSample } from './sampler';

export const simclrPreview = cropPreview(pairSample);

import { cropPreview } from '../crops/preview';
import { simmimSample } from './sampler';

export const simmimPreview = cropPreview(simmimSample);

import { cropPreview, maskedShown } from '../crops/preview';
import { simmimSample } from './sampler';

export const simmimPreview = cropPreview(simmimSample, maskedShown);

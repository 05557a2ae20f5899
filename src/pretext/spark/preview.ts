import { cropPreview, maskedShown } from '../crops/preview';
import { sparkSample } from './sampler';

export const sparkPreview = cropPreview(sparkSample, maskedShown);

import { cropPreview } from '../crops/preview';
import { sparkSample } from './sampler';

export const sparkPreview = cropPreview(sparkSample);

import { cropPreview } from '../crops/preview';
import { restoredSample } from './sampler';

export const rotateRestorePreview = cropPreview(restoredSample);

import { cropPreview } from '../crops/preview';
import { turnedSample } from './sampler';

export const rotationPreview = cropPreview(turnedSample);

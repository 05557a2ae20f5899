import { cropPreview } from '../crops/preview';
import { maskedSample } from './sampler';

export const maePreview = cropPreview(maskedSample);

import { cropPreview } from '../crops/preview';
import { fusedSample } from './sampler';

export const volumeFusionPreview = cropPreview(fusedSample);

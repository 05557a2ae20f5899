import { cropPreview } from '../crops/preview';
import { corruptedSample } from './sampler';

export const genesisPreview = cropPreview(corruptedSample);

import { cropPreview, restoredShown } from '../crops/preview';
import { corruptedSample } from './sampler';

export const genesisPreview = cropPreview(corruptedSample, restoredShown('The corrupted crop', 'The clean crop'));

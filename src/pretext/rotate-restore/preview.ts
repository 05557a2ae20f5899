import { cropPreview, restoredShown } from '../crops/preview';
import { restoredSample } from './sampler';

export const rotateRestorePreview = cropPreview(restoredSample, restoredShown('The turned crop', 'The upright crop'));

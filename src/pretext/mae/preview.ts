import { cropPreview, maskedShown } from '../crops/preview';
import { maeSample } from './sampler';

export const maePreview = cropPreview(maeSample, maskedShown);

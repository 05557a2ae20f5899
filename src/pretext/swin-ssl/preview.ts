import { cropPreview } from '../crops/preview';
import { viewsSample } from './sampler';

export const swinSslPreview = cropPreview(viewsSample);

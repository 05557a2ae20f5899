export { NO_AUGMENTATION, drawAugmentation, type Augmentation, type AugmentSettings } from './augmentation';
export { sampleCrop } from './sampleCrop';

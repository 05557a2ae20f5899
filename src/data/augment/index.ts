export { NO_AUGMENTATION, drawAugmentation, type Augmentation, type AugmentSettings } from './augmentation';
export { sampleCrop } from './sampleCrop';
export {
  cutCrop,
  drawSpatial,
  NO_SPATIAL_AUGMENTATION,
  scaleRows,
  type Matrix3,
  type SpatialAugmentation,
  type SpatialSettings,
} from './spatial';
export { changeIntensity, NO_INTENSITY, type IntensitySettings, type ValueCrop } from './intensity';

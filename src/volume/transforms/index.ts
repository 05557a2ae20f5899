export { orient } from './orientation';
export { resampleToSpacing, spacingGrid } from './spacing';
export {
  normalizeIntensity,
  scaleIntensity,
  scaleIntensityRange,
  scalePercentiles,
  shiftIntensity,
  storedWindow,
  type IntensityWindow,
  type PercentileWindow,
} from './intensity';
export { cropBox } from './box';
export { cropForeground, foregroundOfView, type Threshold } from './cropForeground';
export { padWidths, spatialPad } from './spatialPad';
export { centerSpatialCrop, cropWindow, spatialCrop } from './spatialCrop';
export { resize, resizeCoordinates, type ResizeOptions } from './resize';
export { flip, type SpatialAxis } from './flip';
export { rotate90 } from './rotate90';
export {
  correctCropCentre,
  foregroundIndices,
  posNegCentre,
  type CropDraw,
  type ForegroundIndices,
} from './posNegCrop';
export { labelOnGrid } from './labelOnGrid';

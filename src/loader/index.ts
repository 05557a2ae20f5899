export { createCropLoader, type CropLoader, type CropLoaderOptions, type LoadedBatch } from './cropLoader';
export { SamplePlan } from './plan';
export type { CropSettings, LoaderSettings, VolumeDraw } from './settings';

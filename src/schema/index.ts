export { intensityAugmentation, spatialAugmentation } from './augmentation';
export { error, warning, type Problem, type ProblemFix } from './problem';
export * from './shapes';
export * from './tree';

export { centredFeatures, LinearCka, type CentredFeatures, type Cka } from './cka';
export { classificationScores, rocAuc, softmax, type ClassificationScores } from './classification';
export { countMaskOverlap, countOverlaps, diceOf, volumeError, type Overlap } from './dice';
export {
  diceCeLoss,
  diceLossTerms,
  weightedCrossEntropy,
  type DiceCeOptions,
  type DiceCeParts,
  type LabelScope,
} from './losses';
export { meanDifference, wilcoxonSignedRank, type MeanDifference, type SignedRank } from './paired';
export { networkPredictor } from './predictor';
export { bootstrapInterval, bootstrapScores, meanScore, reduceScores, type Interval, type Reduction } from './reduce';
export {
  hausdorff,
  normalizedSurfaceDistance,
  surfaceDistances,
  surfaceDistancesInPieces,
  type SurfaceDistances,
} from './surface';
export {
  ArgmaxLabels,
  slidingWindow,
  ThresholdMasks,
  type PlaneConsumer,
  type SlidingWindowOptions,
  type WindowPredictor,
} from './slidingWindow';
export { importanceMap, scanInterval, windowPadding, windowStarts, windowsOf, type ImportanceMode } from './windows';

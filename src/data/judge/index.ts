export { pieceHash } from './facts';
export { judgeIntensities, judgeStoredValues, storedValues, type StoredValues } from './intensities';
export { SEGMENTING } from './intensityWords';
export { holdsLabels, namedAsLabels } from './labelMaps';
export { judgeAndRead, judgeCase, refuseBad } from './judge';
export { gridBeforeCrops, placesProblem, sizeBeforeCrops, type Places } from './size';
export type { CaseDemands, CaseVerdict, Depth, ImageFacts, LabelDemands } from './types';

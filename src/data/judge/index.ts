export { pieceHash } from './facts';
export { judgeIntensities } from './intensities';
export { judgeAndRead, judgeCase, refuseBad } from './judge';
export { sizeBeforeCrops } from './size';
export type { CaseDemands, CaseVerdict, Depth, ImageFacts, LabelDemands } from './types';
export { recallVerdict } from './verdict';

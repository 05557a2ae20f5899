export { checkDataset, mapLimited, type CheckOptions } from './checkDataset';
export { sizeBeforeCrops } from './compare';
export { bySeverity, type Finding, type Severity } from './finding';
export { pieceHash, type CaseFacts, type ImageFacts } from './checkCase';
export { findLeakage } from './overlap';
export { checkSources } from './sources';

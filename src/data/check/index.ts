export { checkDataset, type CheckOptions } from './checkDataset';
export { sizeBeforeCrops } from './compare';
export { bySeverity, type Finding, type Severity } from './finding';
export { checkSources } from './sources';

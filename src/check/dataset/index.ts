export {
  checkDataset,
  inspectDataset,
  mapLimited,
  type BadCase,
  type CheckOptions,
  type Inspection,
} from './checkDataset';
export { type Finding, type Severity } from './finding';
export type { CaseFacts } from './caseFacts';
export { findLeakage } from './overlap';
export { casesOfSource, checkSources } from './sources';
export { checkConfig, verdictFolder, type ConfigCheck, type ConfigReport } from './checkConfig';

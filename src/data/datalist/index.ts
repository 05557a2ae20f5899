export { caseName, imageFiles, type Case } from './case';
export { datalistKeys, readDatalist, type DecathlonOptions } from './decathlon';
export type { CaseProblem, Found, Mask, RegionMasks, RegionName } from './found';
export { completeCases } from './problems';
export { regionMaskCounts } from './regionMasks';
export { findInSource, resolveSources, splitValidation, type DataSource } from './sources';
export { lookAtData } from './look';

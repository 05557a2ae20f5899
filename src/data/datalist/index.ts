export { caseName, imageFiles, type Case } from './case';
export { datalistKeys, readDatalist, type DecathlonOptions } from './decathlon';
export type { CaseProblem, Found, Mask } from './found';
export { completeCases } from './problems';
export { findInSource, resolveSources, splitValidation, type DataSource } from './sources';
export { lookAtData } from './look';

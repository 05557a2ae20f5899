export { caseName, imageFiles, type Case } from './case';
export { datalistKeys, readDatalist, type DecathlonOptions } from './decathlon';
export type { Mask } from './found';
export { resolveSources, splitValidation, type DataSource } from './sources';
export { lookAtData } from './look';

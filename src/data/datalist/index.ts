export { caseName, imageFiles, isVolumeFile, type Case } from './case';
export { datalistKeys, readDatalist, readDecathlon, type DecathlonOptions } from './decathlon';
export { glob } from './glob';
export { resolveSources, siblingLabel, splitValidation, type DataSource } from './sources';

export { readStudy, writeStudy } from './files';
export { ARM_NAMES, studyPlotSvg } from './plot';
export { summarizeStudy } from './summary';
export * from './types';

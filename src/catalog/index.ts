export { samplerOf, type TaskName } from './modules';
export { chartsOf, previewFor, samplerFor, taskName, taskOf } from './taskOf';

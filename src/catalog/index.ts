export { samplerOf, type TaskName } from './modules';
export { previewFor, samplerFor, taskName, taskOf } from './taskOf';

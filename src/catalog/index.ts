export { samplerOf, type TaskName } from './modules';
export { samplerFor, taskName, taskOf } from './taskOf';

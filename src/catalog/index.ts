export { samplerOf, taskModules, type TaskName } from './modules';
export { samplerFor, taskName, taskOf } from './taskOf';

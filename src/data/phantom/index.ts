export { type PhantomCase } from './case';
export { makePhantom, type PhantomOptions } from './dataset';
export { TASK_CASES, type PhantomTask } from './tasks/cases';
export { makeTaskPhantom, type TaskPhantomOptions } from './tasks/dataset';

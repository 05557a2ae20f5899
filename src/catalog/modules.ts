import { downstreamTasks } from '../downstream/tasks';
import { pretextTasks } from '../pretext/tasks';
import type { Sampler, TaskModules } from '../tasks';

/** The name of a task, with the kind of its config. A loader thread is told by it whose sampler to load. */
export interface TaskName {
  readonly kind: 'pretrain' | 'finetune';
  readonly name: string;
}

const registries = { pretrain: pretextTasks, finetune: downstreamTasks };

/** The modules of a task. @throws UserError for a name that is not there */
export function taskModules({ kind, name }: TaskName): TaskModules {
  return registries[kind].get(name);
}

/** The sampler of a task. */
export function samplerOf(task: TaskName): Promise<Sampler> {
  return taskModules(task).sampler();
}

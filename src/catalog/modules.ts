import { downstreamTasks } from '../downstream/tasks';
import { pretextTasks } from '../pretext/tasks';
import type { Sampler, TaskModules } from '../tasks';

/** A task by what its config is for and its own name: how one thread tells another whose sampler it wants. */
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

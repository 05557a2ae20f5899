import { resolveTask, type Config } from '../config';
import { downstreamFor } from '../downstream/descriptors';
import type { Sampler, TrainingTask } from '../tasks';
import { samplerOf, taskModules, type TaskName } from './modules';

/** Which task a config trains. */
export function taskName(config: Config): TaskName {
  if (config.kind === 'pretrain') return { kind: config.kind, name: config.method.name };
  return { kind: config.kind, name: downstreamFor(resolveTask(config.task).output).name };
}

/** The task of a config, as one whose kind of config, case and batch only it knows. */
export function taskOf(config: Config): Promise<TrainingTask> {
  return taskModules(taskName(config)).task();
}

/** The sampler of a config's task. */
export function samplerFor(config: Config): Promise<Sampler> {
  return samplerOf(taskName(config));
}

import { resolveTask, type Config, type PretrainConfig } from '../config';
import { downstreamFor } from '../downstream/descriptors';
import { UserError } from '../errors/userError';
import { pretextOf } from '../pretext/descriptors';
import type { Sampler, TaskPreview, TrainingTask } from '../tasks';
import { samplerOf, taskModules, type TaskName } from './modules';
import type { MetricChart } from '../tasks/descriptor';

/** Which task a config trains. */
export function taskName(config: Config): TaskName {
  if (config.kind === 'pretrain') return { kind: config.kind, name: config.method.name };
  return { kind: config.kind, name: downstreamFor(resolveTask(config.task).output).name };
}

/** The charts of a config's task. */
export function chartsOf(config: Config): readonly MetricChart[] {
  return (config.kind === 'pretrain' ? pretextOf(config.method) : downstreamFor(resolveTask(config.task).output))
    .charts;
}

/** The task of a config, as one whose kind of config, case and batch only it knows. */
export function taskOf(config: Config): Promise<TrainingTask> {
  return taskModules(taskName(config)).task();
}

/** The sampler of a config's task. */
export function samplerFor(config: Config): Promise<Sampler> {
  return samplerOf(taskName(config));
}

/** What the panel beside a pre-training config shows of its task. @throws UserError where the task has nothing to show */
export function previewFor(config: PretrainConfig): Promise<TaskPreview> {
  const { preview } = taskModules(taskName(config));
  if (!preview) throw new UserError(`the pretext task ${config.method.name} has no preview`);
  return preview();
}

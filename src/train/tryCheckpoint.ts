import type { Config } from '../config';
import { readCheckpoint, type CheckpointInfo } from '../runs';
import type { Cases, TrainingTask } from '../tasks';
import type { Precision } from '../tensor/backends/types';
import { buildOptimizer } from './optimizer';
import { restore } from './state';
import { optimizerFor } from './update';

export interface Trial {
  readonly checkpoint: CheckpointInfo;
  readonly config: Config;
  readonly cases: Cases;
  readonly task: TrainingTask;
  readonly totalSteps: number;
  readonly carried: ReadonlySet<string> | undefined;
  readonly precision: Precision;
}

/**
 * Whether a changed config can go on with a checkpoint: its networks and optimizer take the tensors. It is found out before the run is
 * touched.
 *
 * @throws UserError naming the checkpoint and what does not fit
 */
export async function tryCheckpoint(trial: Trial): Promise<void> {
  const { checkpoint, config, cases, task, totalSteps, carried, precision } = trial;
  const model = task.build({ config, cases, totalSteps, carried, onWarning: () => undefined });
  const optimizer = optimizerFor(precision, buildOptimizer(config.optimizer, model.groups));
  try {
    restore(await readCheckpoint(checkpoint.file), checkpoint.file, model.weights, optimizer);
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

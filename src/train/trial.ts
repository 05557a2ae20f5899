import type { Case } from '../data/datalist';
import type { Batch, Cases } from '../tasks';
import { buildStep } from './build';
import { buildOptimizer } from './optimizer';
import type { Plan } from './plan';

const NO_CASES: Cases<Case> = { train: [], validation: [] };

/** Builds what a plan trains and returns what does one training step on about `rows` rows of noise. */
export function trialSteps({ config, task, length, pieceRows }: Plan, rows: number): () => Promise<unknown> {
  const { totalSteps } = length;
  const model = task.build({ config, cases: NO_CASES, totalSteps, onWarning: () => undefined });
  const optimizer = buildOptimizer(config.optimizer, model.groups);
  const { microBatch } = config.train;
  const step = buildStep({ config, model, optimizer, length, microBatch, pieceRows, readLate: false });
  const batch: Batch = task.trialBatch(config, rows);
  // The last step: the first may freeze the encoder, which is cheaper.
  return () => step.run(batch, totalSteps - 1);
}

import type { Case } from '../data/datalist';
import type { Batch, Cases } from '../tasks';
import { buildStep } from './build';
import { buildOptimizer } from './optimizer';
import type { Plan } from './plan';

const NO_CASES: Cases<Case> = { train: [], validation: [] };

/**
 * Builds what a plan trains, for steps on about `rows` rows of noise. Where a step goes in pieces, so do these, since a loss
 * that ties rows together then needs one more forward pass.
 *
 * @param done a step of the run to do, again and again: one that keeps the encoder is cheaper
 */
export function trialSteps(plan: Plan, rows: number, done: number): { step(): Promise<unknown>; dispose(): void } {
  const { config, task, length, carried, pieceRows, estimate } = plan;
  const { totalSteps } = length;
  const model = task.build({ config, cases: NO_CASES, totalSteps, carried, onWarning: () => undefined });
  const optimizer = buildOptimizer(config.optimizer, model.groups);
  const inPieces = plan.microBatch < estimate.network.cropsPerStep;
  const microBatch = inPieces ? Math.min(plan.microBatch, Math.ceil(rows / 2)) : plan.microBatch;
  const step = buildStep({ config, model, optimizer, length, microBatch, pieceRows, readLate: false });
  const batch: Batch = task.trialBatch(config, rows);
  return {
    step: () => step.run(batch, done),
    dispose: () => {
      optimizer.dispose();
      model.dispose();
    },
  };
}

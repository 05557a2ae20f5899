import type { Case } from '../data/datalist';
import type { Batch, Cases } from '../tasks';
import { buildStep } from './build';
import { buildOptimizer } from './optimizer';
import type { Plan } from './plan';

const NO_CASES: Cases<Case> = { train: [], validation: [] };

/**
 * Builds what a plan trains, for steps on about `rows` rows of noise. Where a step goes in pieces, so do these, since a loss
 * that ties rows together then needs one more forward pass.
 */
export function trialSteps(plan: Plan, rows: number): { step(): Promise<unknown>; dispose(): void } {
  const { config, task, length, pieceRows, estimate } = plan;
  const { totalSteps } = length;
  const model = task.build({ config, cases: NO_CASES, totalSteps, onWarning: () => undefined });
  const optimizer = buildOptimizer(config.optimizer, model.groups);
  const inPieces = plan.microBatch < estimate.network.cropsPerStep;
  const microBatch = inPieces ? Math.min(plan.microBatch, Math.ceil(rows / 2)) : plan.microBatch;
  const step = buildStep({ config, model, optimizer, length, microBatch, pieceRows, readLate: false });
  const batch: Batch = task.trialBatch(config, rows);
  return {
    // The last step: the first may freeze the encoder, which is cheaper.
    step: () => step.run(batch, totalSteps - 1),
    dispose: () => {
      optimizer.dispose();
      model.dispose();
    },
  };
}

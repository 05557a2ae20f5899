import type { Case } from '../../../data/datalist';
import type { TensorEntry } from '../../../runs/safetensors';
import type { Optimizer } from '../../../tensor/optim';
import type { VocoModel } from '../model';
import type { CropLoader, LoadedBatch } from '../../../loader';
import type { TrainingTask } from '../../../train/loop';
import { checkpointTensors } from '../../../train/state';
import type { StartedStep, StepScalars } from '../../../train/types';
import { cropCount } from './microBatches';
import { evaluateBatch, type PretrainStep } from './step';
import { formatPercent } from '../../../text';

/** Held-out volumes measured at each validation: more would cost time and tell little more. */
const MAX_VALIDATION_CASES = 32;

export interface PretrainParts {
  readonly microBatch: number;
  readonly model: VocoModel;
  readonly optimizer: Optimizer;
  readonly step: PretrainStep;
  readonly loader: CropLoader;
  readonly validation: readonly Case[];
}

/** Pre-training as the training loop sees it. */
export class PretrainTask implements TrainingTask<LoadedBatch> {
  constructor(private readonly parts: PretrainParts) {}

  next(): Promise<LoadedBatch> {
    return this.parts.loader.next();
  }

  step(batch: LoadedBatch, done: number): Promise<StartedStep> {
    return this.parts.step.run(batch, done);
  }

  release(batch: LoadedBatch): void {
    this.parts.loader.release(batch);
  }

  cropCount(batch: LoadedBatch): number {
    return cropCount(batch);
  }

  describe(batch: LoadedBatch): Record<string, unknown> {
    return { centres: Array.from(batch.centres) };
  }

  async validate(): Promise<StepScalars | undefined> {
    const { validation, loader, model, microBatch } = this.parts;
    const cases = validation.slice(0, MAX_VALIDATION_CASES);
    if (cases.length === 0) return undefined;
    const sums: Record<string, number> = {};
    for (const [draw, item] of cases.entries()) {
      const batch = await loader.validationBatch(item, draw);
      for (const [name, value] of Object.entries(await evaluateBatch(model, batch, microBatch))) {
        sums[name] = (sums[name] ?? 0) + value / cases.length;
      }
    }
    return sums;
  }

  tensors(): Promise<TensorEntry[]> {
    return checkpointTensors(this.parts.model, this.parts.optimizer);
  }

  summary(scalars: StepScalars, validation: StepScalars | undefined): string {
    const percent = (value: number | undefined): string => formatPercent(value ?? NaN, 0);
    const own = `loss ${scalars.loss?.toFixed(4)} · position ${percent(scalars.accuracy)}`;
    if (!validation) return own;
    return `${own} · held out: loss ${validation.loss?.toFixed(4)}, position ${percent(validation.accuracy)}`;
  }
}

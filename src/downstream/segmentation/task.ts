import type { Segmenter } from '../../nets';
import type { TensorEntry } from '../../runs/safetensors';
import type { Optimizer } from '../../tensor/optim';
import type { TrainingTask } from '../../train/loop';
import { checkpointTensors } from '../../train/state';
import type { StartedStep, StepScalars } from '../../train/types';
import type { LabelledBatch, LabelledLoader } from './batch';
import type { FinetuneStep } from './step';
import { validateSegmentation, type ValidationParts } from './validate';

export interface SegmentationParts {
  readonly network: Segmenter;
  readonly optimizer: Optimizer;
  readonly step: FinetuneStep;
  readonly loader: LabelledLoader;
  readonly validation: ValidationParts;
}

/** Fine-tuning for segmentation as the training loop sees it. */
export class SegmentationTask implements TrainingTask<LabelledBatch> {
  constructor(private readonly parts: SegmentationParts) {}

  next(): Promise<LabelledBatch> {
    return this.parts.loader.next();
  }

  step(batch: LabelledBatch, done: number): Promise<StartedStep> {
    return this.parts.step.run(batch, done);
  }

  /** Batches are not used again: the collector frees them. */
  release(): void {}

  cropCount(batch: LabelledBatch): number {
    return batch.crops;
  }

  describe(batch: LabelledBatch): Record<string, unknown> {
    return { centres: Array.from(batch.centres) };
  }

  validate(): Promise<StepScalars | undefined> {
    return validateSegmentation(this.parts.validation);
  }

  tensors(): Promise<TensorEntry[]> {
    return checkpointTensors(this.parts.network.parameters, this.parts.optimizer);
  }

  summary(scalars: StepScalars, validation: StepScalars | undefined): string {
    const own = `loss ${scalars.loss?.toFixed(4)}`;
    return validation ? `${own} · held out: Dice ${validation.dice?.toFixed(4)}` : own;
  }
}

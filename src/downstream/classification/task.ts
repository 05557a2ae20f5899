import type { FinetuneConfig } from '../../config';
import type { ClassifiedCase } from '../../data/classified';
import type { VolumeStore } from '../../data/volumeStore';
import { classificationScores, weightedCrossEntropy } from '../../metrics';
import type { Classifier } from '../../nets';
import type { TensorEntry } from '../../runs/safetensors';
import { valueAndGradients } from '../../tensor/autodiff';
import type { Optimizer, Schedule } from '../../tensor/optim';
import * as tf from '../../tensor/tf';
import type { TrainingTask } from '../../train/loop';
import { checkpointTensors } from '../../train/state';
import type { StartedStep, StepScalars } from '../../train/types';
import { endStep } from '../../train/update';
import { validationInput, type ClassifiedBatch, type ClassifiedLoader } from './batch';

export interface ClassificationParts {
  readonly config: FinetuneConfig;
  readonly network: Classifier;
  readonly optimizer: Optimizer;
  /** What a step trains, in the order of the optimizer. */
  readonly variablesAt: (step: number) => readonly tf.Variable[];
  readonly schedule: Schedule;
  /** Update before a step's numbers are known. */
  readonly readLate: boolean;
  readonly loader: ClassifiedLoader;
  readonly validation: readonly ClassifiedCase[];
  readonly store: VolumeStore;
  /** Measures the statistics of the network's features on training volumes. */
  readonly fitFeatures: () => Promise<void>;
}

/** The volumes of a batch as a tensor [N, D, H, W, C]. */
export function inputOf({ images, cases, shape, channels }: ClassifiedBatch): tf.Tensor5D {
  return tf.tensor5d(images, [cases.length, ...shape, channels]);
}

/** Fine-tuning for classification of whole volumes as the training loop sees it. */
export class ClassificationTask implements TrainingTask<ClassifiedBatch> {
  private readonly weights: readonly number[];

  constructor(private readonly parts: ClassificationParts) {
    const { classWeights } = parts.config.loss;
    this.weights = classWeights ?? Array.from({ length: parts.network.classes }, () => 1);
  }

  next(): Promise<ClassifiedBatch> {
    return this.parts.loader.next();
  }

  async step(batch: ClassifiedBatch, done: number): Promise<StartedStep> {
    const { network, optimizer, variablesAt, schedule, config } = this.parts;
    const input = inputOf(batch);
    const target = tf.tidy(
      () => tf.cast(tf.oneHot(tf.tensor1d([...batch.classes], 'int32'), network.classes), 'float32') as tf.Tensor2D,
    );
    const { value, gradients } = valueAndGradients(
      () => {
        const { logits, features } = network.forwardBatch(input);
        const hits = tf.equal(tf.argMax(logits, 1), tf.argMax(target, 1));
        const accuracy = tf.mean(tf.cast(hits, 'float32'));
        return { loss: weightedCrossEntropy(logits, target, this.weights), accuracy, features };
      },
      [...variablesAt(done)],
      optimizer.lossScale?.value,
    );
    const { loss, accuracy, features } = value;
    const { clipNorm } = config.optimizer;
    const updated = (): void => network.follow(features);
    const update = { optimizer, schedule, clipNorm, readLate: this.parts.readLate, updated };
    const started = await endStep(update, gradients, { loss, accuracy }, done);
    tf.dispose([value, input, target]);
    return started;
  }

  /** Batches are not used again: the collector frees them. */
  release(): void {}

  cropCount(batch: ClassifiedBatch): number {
    return batch.cases.length;
  }

  describe(batch: ClassifiedBatch): Record<string, unknown> {
    return { classes: batch.classes };
  }

  /**
   * Accuracy, F1 and AUC on the held-out volumes, without those that are undefined. Statistics of the features are measured
   * before: running ones lag behind weights that move fast, and classes that lie close together are then told apart at the
   * wrong place.
   */
  async validate(): Promise<StepScalars | undefined> {
    const { validation, network, store, config, fitFeatures } = this.parts;
    if (validation.length === 0) return undefined;
    await fitFeatures();
    const rows: number[][] = [];
    for (const item of validation) {
      const batch = await validationInput(item, store, config);
      const logits = tf.tidy(() => network.forward(inputOf(batch)));
      rows.push(Array.from(await logits.data()));
      logits.dispose();
      // Lets signals and the control socket in: kernels block this thread.
      await new Promise((done) => setImmediate(done));
    }
    const truth = validation.map((item) => item.class);
    const scores = Object.entries(classificationScores(rows, truth));
    return Object.fromEntries(scores.filter(([, value]) => Number.isFinite(value))) as StepScalars;
  }

  tensors(): Promise<TensorEntry[]> {
    return checkpointTensors(this.parts.network.parameters, this.parts.optimizer);
  }

  summary(scalars: StepScalars, validation: StepScalars | undefined): string {
    const own = `loss ${scalars.loss?.toFixed(4)}`;
    return validation ? `${own} · held out: accuracy ${validation.accuracy?.toFixed(4)}` : own;
  }
}

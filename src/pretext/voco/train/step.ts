import type { CropBatch } from '../../../data/types';
import { RandomStream, streamId } from '../../../random/random';
import { accumulate, linearize, vjp, type Gradients } from '../../../tensor/autodiff';
import { readScalars } from '../../../tensor/read';
import * as tf from '../../../tensor/tf';
import { collapseMetrics, positionAccuracy } from '../metrics';
import type { VocoModel } from '../model';
import type { ObjectiveResult, StepLayout } from '../objectives';
import type { StartedStep, StepScalars } from '../../../train/types';
import { endStep, type UpdateOptions } from '../../../train/update';
import { cropCount, cropTensor, planMicroBatches, type MicroBatch } from './microBatches';

export interface StepOptions extends UpdateOptions {
  readonly model: VocoModel;
  /** Crops in memory at a time. */
  readonly microBatch: number;
  readonly seed: number;
}

const DROPOUT_STREAM = streamId('feature-dropout');

export function layoutOf(batch: CropBatch): StepLayout {
  const { volumes, randomPerVolume, basesPerVolume } = batch;
  return { volumes, randomPerVolume, basesPerVolume };
}

function labelTensor(batch: CropBatch): tf.Tensor2D {
  const rows = batch.volumes * batch.randomPerVolume;
  return tf.tensor2d(Float32Array.from(batch.labels), [rows, batch.basesPerVolume]);
}

/** Lets the control socket, signals and the heartbeat in between two micro-batches: kernels block this thread. */
const breathe = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Pooled features of all crops, a micro-batch at a time and without a tape. */
async function encodeAll(
  batch: CropBatch,
  plan: readonly MicroBatch[],
  encode: (x: tf.Tensor5D) => tf.Tensor2D,
): Promise<tf.Tensor2D> {
  const parts: tf.Tensor2D[] = [];
  for (const micro of plan) {
    parts.push(tf.tidy(() => encode(cropTensor(batch, micro))));
    await breathe();
  }
  if (parts.length === 1) return parts[0]!;
  const all = tf.concat2d(parts, 0);
  tf.dispose(parts);
  return all;
}

/** The scalars that describe a result: loss, its parts, position accuracy and signs of collapse. Dispose them. */
function describe(result: ObjectiveResult, labels: tf.Tensor2D, layout: StepLayout): Record<string, tf.Scalar> {
  const { baseSimilarity, featureStd } = collapseMetrics(result.embeddings, layout);
  return {
    loss: result.total,
    ...result.parts,
    accuracy: positionAccuracy(result.logits, labels),
    baseSimilarity,
    featureStd,
  };
}

function disposeResult(result: ObjectiveResult): void {
  tf.dispose([result.total, result.logits, result.embeddings, ...Object.values(result.parts)]);
}

/** One training step of VoCo with the exact gradient in micro-batches (docs/architecture.md). */
export class PretrainStep {
  private readonly variables: { encoder: tf.Variable[]; projector: tf.Variable[] };

  constructor(private readonly options: StepOptions) {
    this.variables = {
      encoder: options.model.encoderVariables().map((item) => item.variable),
      projector: options.model.projectorVariables().map((item) => item.variable),
    };
  }

  /** @param step optimizer steps done so far: 0 for the first. */
  async run(batch: CropBatch, step: number): Promise<StartedStep> {
    const { model, optimizer, microBatch, seed } = this.options;
    const plan = planMicroBatches(cropCount(batch), microBatch);
    const layout = layoutOf(batch);
    const labels = labelTensor(batch);
    const student = await this.encodeStudent(batch, plan);
    model.updateTeacher();
    const teacher = model.teacher ? await encodeAll(batch, plan, (x) => model.encodeTeacher(x)) : undefined;
    const random = new RandomStream(seed, DROPOUT_STREAM, step);
    const result = model.lossAndGradients(
      { student: student.features, teacher },
      labels,
      layout,
      random,
      optimizer.lossScale?.value,
    );
    const gradients: Gradients = [...(await student.pullback(result.featureGradient)), ...result.projectorGradients];
    const described = tf.tidy(() => describe(result, labels, layout));
    const started = await endStep(this.options, gradients, described, step);
    disposeResult(result);
    tf.dispose([described, labels, student.features, result.featureGradient, ...(teacher ? [teacher] : [])]);
    return started;
  }

  private async encodeStudent(
    batch: CropBatch,
    plan: readonly MicroBatch[],
  ): Promise<{ features: tf.Tensor2D; pullback: (dFeatures: tf.Tensor2D) => Gradients | Promise<Gradients> }> {
    const { model } = this.options;
    if (plan.length === 1) {
      const recording = linearize(() => [model.encode(cropTensor(batch, plan[0]!))], this.variables.encoder);
      return { features: recording.outputs[0] as tf.Tensor2D, pullback: (dy) => recording.pullback([dy]) };
    }
    return {
      features: await encodeAll(batch, plan, (x) => model.encode(x)),
      pullback: (dFeatures) => this.pullInPieces(batch, plan, dFeatures),
    };
  }

  private async pullInPieces(
    batch: CropBatch,
    plan: readonly MicroBatch[],
    dFeatures: tf.Tensor2D,
  ): Promise<Gradients> {
    const { model } = this.options;
    let total: Gradients | undefined;
    for (const micro of plan) {
      const dy = tf.slice2d(dFeatures, [micro.first, 0], [micro.count, dFeatures.shape[1]]);
      const { outputs, gradients } = vjp(() => [model.encode(cropTensor(batch, micro))], [dy], this.variables.encoder);
      tf.dispose([dy, ...outputs]);
      total = accumulate(total, gradients);
      await breathe();
    }
    return total!;
  }
}

/** The same scalars on held-out crops, without any update. */
export async function evaluateBatch(model: VocoModel, batch: CropBatch, microBatch: number): Promise<StepScalars> {
  const plan = planMicroBatches(cropCount(batch), microBatch);
  const layout = layoutOf(batch);
  const labels = labelTensor(batch);
  const student = await encodeAll(batch, plan, (x) => model.encode(x));
  const teacher = model.teacher ? await encodeAll(batch, plan, (x) => model.encodeTeacher(x)) : undefined;
  const described = tf.tidy(() => describe(model.loss({ student, teacher }, labels, layout), labels, layout));
  const scalars = await readScalars(described);
  tf.dispose([described, labels, student, ...(teacher ? [teacher] : [])]);
  return scalars;
}

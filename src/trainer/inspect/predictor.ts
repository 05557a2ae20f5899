import { setImmediate as breathe } from 'node:timers/promises';
import { sampleCrop, type Augmentation } from '../../data/augment';
import * as tf from '../../tensor/tf';
import type { Volume } from '../../volume';
import type { Box, Triple } from '../../voco/geometry';
import type { Features, VocoModel } from '../../voco/model';
import { splitRows } from '../../voco/objectives/layout';
import type { StepLayout } from '../../voco/objectives';
import { cosines } from '../../voco/tensors';
import { planMicroBatches } from '../pretrain/microBatches';

/** A crop of a volume as the network is to see it. */
export interface PlacedCrop {
  readonly box: Box;
  readonly augmentation: Augmentation;
}

export interface PredictorOptions {
  readonly model: VocoModel;
  /** Preprocessed, `[C, X, Y, Z]`. */
  readonly volume: Volume<Float32Array>;
  /** Size of a crop as the network gets it. */
  readonly input: Triple;
  /** Crops in memory at a time. */
  readonly microBatch: number;
  readonly signal?: AbortSignal | undefined;
  /** Called after each crop or few. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a network says of random crops of one volume; n base crops. */
export interface Predictions {
  /** Similarity of each random crop to each base crop, 0 to 1: `[M][n]`. */
  readonly predicted: readonly (readonly number[])[];
  /** Cosines between the student's embeddings of the base crops: `[n][n]`. */
  readonly baseSimilarity: readonly (readonly number[])[];
}

/** Pooled features of crops, student's and (where there is one) teacher's. The caller disposes them. */
async function encode(options: PredictorOptions, crops: readonly PlacedCrop[]): Promise<Features> {
  const { model, volume, input, microBatch, signal, onProgress } = options;
  const channels = volume.shape[0];
  const length = input[0] * input[1] * input[2] * channels;
  const parts: { student: tf.Tensor2D; teacher?: tf.Tensor2D }[] = [];
  try {
    for (const { first, count } of planMicroBatches(crops.length, microBatch)) {
      signal?.throwIfAborted();
      const values = new Float32Array(count * length);
      for (let i = 0; i < count; i++) {
        const { box, augmentation } = crops[first + i]!;
        sampleCrop(volume, box.start, box.size, input, augmentation, values, i * length);
      }
      parts.push(
        tf.tidy(() => {
          const batch = tf.tensor5d(values, [count, ...input, channels]);
          return { student: model.encode(batch), ...(model.teacher && { teacher: model.encodeTeacher(batch) }) };
        }),
      );
      await parts.at(-1)!.student.data();
      onProgress?.(first + count, crops.length);
      // Lets a request to cancel in: kernels block this thread.
      await breathe();
    }
    const all = (name: 'student' | 'teacher'): tf.Tensor2D => {
      const rows = parts.map((part) => part[name]!);
      return tf.concat2d(rows, 0);
    };
    return { student: all('student'), ...(model.teacher && { teacher: all('teacher') }) };
  } finally {
    tf.dispose(parts);
  }
}

/** Rows `from` to `from + count` of the random crops, then all of the bases: the rows of one training step. */
function stepRows(all: tf.Tensor2D, from: number, count: number, bases: number): tf.Tensor2D {
  const width = all.shape[1];
  const randoms = tf.slice2d(all, [from, 0], [count, width]);
  return tf.concat2d([randoms, tf.slice2d(all, [all.shape[0] - bases, 0], [bases, width])], 0);
}

/**
 * Predicted similarities of random crops to the base crops of their volume, by the very computation of training's loss on a
 * batch of one volume. The projector's batch norm makes a prediction depend on the crops beside it, so random crops go through
 * it `perStep` at a time with all base crops, as in a training step.
 *
 * @param randoms a multiple of `perStep`
 * @throws AbortError when cancelled
 */
export async function predictSimilarities(
  options: PredictorOptions,
  randoms: readonly PlacedCrop[],
  bases: readonly PlacedCrop[],
  perStep: number,
): Promise<Predictions> {
  const features = await encode(options, [...randoms, ...bases]);
  const n = bases.length;
  const layout: StepLayout = { volumes: 1, randomPerVolume: perStep, basesPerVolume: n };
  const predicted: number[][] = [];
  const similarity = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const steps = randoms.length / perStep;
  try {
    for (let step = 0; step < steps; step++) {
      options.signal?.throwIfAborted();
      const { logits, between } = tf.tidy(() => {
        const rows = (all: tf.Tensor2D): tf.Tensor2D => stepRows(all, step * perStep, perStep, n);
        const student = rows(features.student);
        const views = features.teacher ? { student, teacher: rows(features.teacher) } : { student };
        const result = options.model.loss(views, tf.zeros([perStep, n]), layout);
        const own = splitRows(result.embeddings, layout).bases;
        return { logits: result.logits, between: cosines(own, own) };
      });
      const [values, cosine] = [await logits.array(), await between.array()];
      tf.dispose([logits, between]);
      predicted.push(...values);
      cosine[0]!.forEach((row, i) => row.forEach((value, j) => (similarity[i]![j]! += value / steps)));
      await breathe();
    }
  } finally {
    tf.dispose([features.student, ...(features.teacher ? [features.teacher] : [])]);
  }
  return { predicted, baseSimilarity: similarity };
}

import { voxelCount, type Vec3 } from '../geometry';
import { breathe } from '../rpc/breath';
import { sampleCrop } from '../data/augment';
import type { PlacedCrop, Predictions } from '../protocol/locate';
import * as tf from '../tensor/tf';
import type { Volume } from '../volume';
import type { Features, VocoModel } from '../pretext/voco/model';
import { splitRows } from '../pretext/voco/objectives/layout';
import type { StepLayout } from '../pretext/voco/objectives';
import { cosines } from '../pretext/voco/tensors';
import { planRows } from '../tasks';

export interface PredictorOptions {
  readonly model: VocoModel;
  /** Preprocessed, `[C, X, Y, Z]`. */
  readonly volume: Volume<Float32Array>;
  /** Size of a crop as the network gets it. */
  readonly input: Vec3;
  /** Crops in memory at a time. */
  readonly microBatch: number;
  readonly signal?: AbortSignal | undefined;
  /** Called after each crop or few. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Pooled features of crops, student's and (where there is one) teacher's. The caller disposes them.
 *
 * @throws AbortError when cancelled
 */
export async function encodeCrops(options: PredictorOptions, crops: readonly PlacedCrop[]): Promise<Features> {
  const { model, volume, input, microBatch, signal, onProgress } = options;
  const channels = volume.shape[0];
  const length = voxelCount(input) * channels;
  const parts: { student: tf.Tensor2D; teacher?: tf.Tensor2D }[] = [];
  try {
    for (const { first, count } of planRows(crops.length, microBatch)) {
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

/** A step's rows `[perStep + n, F]`: its random crops, then all base crops. */
function stepRows(randoms: tf.Tensor2D, bases: tf.Tensor2D, step: number, perStep: number): tf.Tensor2D {
  return tf.concat2d([tf.slice2d(randoms, [step * perStep, 0], [perStep, randoms.shape[1]]), bases], 0);
}

/**
 * Predicted similarities of random crops to the base crops of their volume, by the very computation of training's loss on a
 * batch of one volume. The projector's batch norm makes a prediction depend on the crops beside it, so random crops go through
 * it `perStep` at a time with all base crops, as in a training step.
 *
 * @param randoms features of a multiple of `perStep` crops `[M, F]`
 * @param bases features of the base crops `[n, F]`
 * @throws AbortError when cancelled
 */
export async function predictSimilarities(
  { model, signal }: Pick<PredictorOptions, 'model' | 'signal'>,
  randoms: Features,
  bases: Features,
  perStep: number,
): Promise<Predictions> {
  const n = bases.student.shape[0];
  const layout: StepLayout = { volumes: 1, randomPerVolume: perStep, basesPerVolume: n };
  const predicted: number[][] = [];
  const similarity = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const steps = randoms.student.shape[0] / perStep;
  for (let step = 0; step < steps; step++) {
    signal?.throwIfAborted();
    const { assignments, between } = tf.tidy(() => {
      const student = stepRows(randoms.student, bases.student, step, perStep);
      const teacher = randoms.teacher && bases.teacher && stepRows(randoms.teacher, bases.teacher, step, perStep);
      const result = model.loss({ student, ...(teacher && { teacher }) }, tf.zeros([perStep, n]), layout);
      const own = splitRows(result.embeddings, layout).bases;
      return { assignments: result.assignments, between: cosines(own, own) };
    });
    const [values, cosine] = [await assignments.array(), await between.array()];
    tf.dispose([assignments, between]);
    predicted.push(...values);
    cosine[0]!.forEach((row, i) => row.forEach((value, j) => (similarity[i]![j]! += value / steps)));
    await breathe();
  }
  return { predicted, baseSimilarity: similarity };
}

export function disposeFeatures({ student, teacher }: Features): void {
  tf.dispose([student, ...(teacher ? [teacher] : [])]);
}

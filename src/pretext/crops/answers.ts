import type { AnswerScores, ClassAnswer, ImageAnswer, PartnerAnswer } from '../../tasks';
import * as tf from '../../tensor/tf';
import { cosinesOf, type Contrast } from '../simclr/loss';
import type { CropBatch } from './sampler';
import { askedOf } from './tensors';

/** The numbers of tensors that `make` gives, which are freed with all that it made. */
export async function numbersOf<T extends Record<string, tf.Tensor>>(
  make: () => T,
): Promise<{ readonly [Name in keyof T]: Float32Array }> {
  const tensors = tf.tidy(make);
  try {
    const entries = Object.entries(tensors).map(async ([name, tensor]) => [name, await tensor.data()] as const);
    return Object.fromEntries(await Promise.all(entries)) as { [Name in keyof T]: Float32Array };
  } finally {
    tf.dispose(tensors);
  }
}

/**
 * A row that the network was to restore, beside how well it did. What it gives where nothing was asked means nothing: there the row is
 * shown as it went in.
 */
export function restoredAnswer(
  name: string,
  output: Float32Array,
  { batch, row, scores }: { batch: CropBatch; row: number; scores: AnswerScores },
): ImageAnswer {
  const asked = askedOf(batch, { first: row, count: 1 });
  if (!asked) return { kind: 'image', image: { name, voxels: output }, scores };
  const { channels, inputs } = batch;
  const first = row * output.length;
  const voxels = output.map((value, i) => (asked[Math.floor(i / channels)] ? value : inputs[first + i]!));
  return { kind: 'image', image: { name, voxels, asked }, scores };
}

/**
 * Probabilities of classes.
 *
 * @param values probabilities `[rows, classes]`
 * @param right the right class of each row
 */
export function classAnswer(
  { name, classes, rows }: { name: string; classes: readonly string[]; rows: readonly string[] },
  values: Float32Array,
  right: ArrayLike<number>,
  crossEntropy: number,
): ClassAnswer {
  const n = classes.length;
  return {
    kind: 'classes',
    name,
    classes,
    rows: rows.map((row, i) => ({
      name: row,
      probabilities: Array.from(values.subarray(i * n, (i + 1) * n)),
      right: right[i]!,
    })),
    scores: { 'cross entropy': crossEntropy },
  };
}

/** The numbers of the rows of the first crop of a batch, which has two. */
const VIEWS = [0, 1] as const;

/**
 * How near the two rows of the first crop of a batch are to each other, and to the rows that they are told from.
 *
 * @param embeddings `[rows, E]`, whose rows 2i and 2i + 1 belong together
 * @param contrast of these embeddings
 * @param perGroup rows that are contrasted with each other
 * @param names of the two rows
 */
export async function partnerAnswers(
  embeddings: tf.Tensor2D,
  contrast: (embeddings: tf.Tensor2D) => Contrast,
  perGroup: number,
  names: readonly [string, string],
): Promise<PartnerAnswer[]> {
  const rows = embeddings.shape[0];
  const { cosines, losses } = await numbersOf(() => ({
    cosines: cosinesOf(embeddings),
    losses: contrast(embeddings).losses,
  }));
  return VIEWS.map((row) => {
    const near = Array.from(cosines.subarray(row * rows, (row + 1) * rows));
    const partner = row ^ 1;
    return {
      kind: 'partner',
      name: names[row],
      partner: near[partner]!,
      others: near.filter((_, other) => other > 1 && other < perGroup),
      scores: { 'NT-Xent': losses[row]! },
    };
  });
}

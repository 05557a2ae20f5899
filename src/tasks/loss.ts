import type { RandomStream } from '../random/random';
import type * as tf from '../tensor/tf';
import type { Rows } from './rows';
import type { Batch } from './sampler';

/** Scalars by the names they have in metrics.jsonl. `loss` is what is minimised. */
export type LossScalars = { readonly loss: tf.Scalar } & { readonly [name: string]: tf.Scalar };

/**
 * A loss that is a mean over rows: its gradient adds up over any cut of the batch.
 */
export interface SampleLoss<B extends Batch> {
  readonly reach: 'sample';
  rows(batch: B): number;
  /** The loss and its parts, each a mean over these rows; runs on the tape. */
  loss(batch: B, rows: Rows): LossScalars;
  /** Called when the weights were updated, such as to move a teacher. */
  updated?(): void;
}

/** What a {@link VectorLoss} gives for the whole batch, on the tape: `loss`, and what {@link VectorLoss.describe} needs. */
export type JointResult = { loss: tf.Scalar } & tf.TensorContainerObject;

/** Vectors of all rows, `[rows, length]`. */
export interface Vectors {
  readonly student: tf.Tensor2D;
  /** Of networks that no gradient trains, such as a teacher. */
  readonly fixed?: tf.Tensor2D;
}

/** Networks as they were before a step moved them. One of the two is called, once. */
export interface Remembered {
  /** Puts them back. */
  restore(): void;
  /** The step was done. */
  forget(): void;
}

/**
 * A loss that ties rows together, but only through one vector a row (pooled or projected features, sums of a batch Dice, …).
 * The program computes the vectors of all rows first, then the loss and its gradient with respect to them, then pulls that
 * gradient back through the networks a few rows at a time: the result is the exact gradient of the whole batch.
 */
export interface VectorLoss<B extends Batch, R extends JointResult = JointResult> {
  /** Whether rows are tied within a volume, or across the whole batch: what several processes would have to exchange. */
  readonly reach: 'volume' | 'batch';
  rows(batch: B): number;
  /**
   * The vectors of these rows; runs on the tape. `terms` is a part of the loss that is a mean over rows and needs more of them
   * than their vectors (a reconstruction beside a contrast): it is added to the joint loss.
   */
  forward(batch: B, rows: Rows): { vectors: tf.Tensor2D; terms?: LossScalars };
  /** Moves the networks that are followed (a teacher) once the student's vectors are known; in training only. */
  follow?(): void;
  /** Called before {@link follow} of a step that may be left undone, which then takes back what was moved. */
  remember?(): Remembered;
  /** The vectors of a network that no gradient trains. */
  fixed?(batch: B, rows: Rows): tf.Tensor2D;
  /** @param random draws what is random in the loss; left out in validation */
  joint(vectors: Vectors, batch: B, random?: RandomStream): R;
  /** The scalars that are recorded, `loss` among them; called in a tidy, off the tape. */
  describe(result: R, batch: B): LossScalars;
  /** Called when the weights were updated. */
  updated?(result: R, vectors: Vectors): void;
}

/** A loss, and how far it ties the rows of a batch together. This decides how a step is cut into pieces. */
export type Loss<B extends Batch> = SampleLoss<B> | VectorLoss<B>;

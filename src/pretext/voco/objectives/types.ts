import type { RandomStream } from '../../../random/random';
import type * as tf from '../../../tensor/tf';
import type { Projector } from '../projector';
import type { ObjectiveDescriptor } from './descriptor';

/** How the rows of a step's features are laid out: all random crops (volume by volume), then all bases (the same way). */
export interface StepLayout {
  /** B */
  volumes: number;
  /** R */
  randomPerVolume: number;
  /** n */
  basesPerVolume: number;
}

export interface ObjectiveOptions {
  /** λ of the paper's Eq. 7. */
  regularizerWeight: number;
  /** Weight of the contrast between volumes (`tpami` only). */
  interVolumeWeight: number;
  /** Share of the pooled features that the student does not see (`tpami` only). */
  featureDropout: number;
  /** What cosines are divided by before the softmax (`softmax` only). */
  temperature: number;
}

export interface ObjectiveInputs {
  /** Pooled features [B·R + B·n, F] of the student encoder, and of the teacher encoder where there is one. */
  features: { student: tf.Tensor2D; teacher?: tf.Tensor2D };
  /** Position labels [B·R, n]. */
  labels: tf.Tensor2D;
  layout: StepLayout;
  projectors: { student: Projector; teacher?: Projector };
  /** Draws the dropout; left out in validation. */
  random?: RandomStream;
}

export interface ObjectiveResult {
  total: tf.Scalar;
  /** The unweighted terms of the loss by name. */
  parts: Record<string, tf.Scalar>;
  /** Assignment of each random crop to the bases of its volume, 0 to 1: [B·R, n]. */
  assignments: tf.Tensor2D;
  /** The student's embeddings of all crops [B·R + B·n, E]. */
  embeddings: tf.Tensor2D;
}

/** What VoCo minimises; one folder each. */
export interface Objective extends ObjectiveDescriptor {
  readonly options: ObjectiveOptions;
  loss(inputs: ObjectiveInputs): ObjectiveResult;
}

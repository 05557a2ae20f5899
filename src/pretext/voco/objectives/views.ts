import type * as tf from '../../../tensor/tf';
import { stopGradient } from '../tensors';
import { splitRows, type Embeddings } from './layout';
import type { ObjectiveInputs } from './types';

/** A step's embeddings, and the same crops as no gradient reaches them. */
export interface Views {
  /** The student's, all rows [B·R + B·n, E]. */
  readonly embeddings: tf.Tensor2D;
  readonly student: Embeddings;
  /** The teacher's where there is one, else the student's own. */
  readonly fixed: Embeddings;
}

/**
 * @param seen features that the student gets, where they are not all of them (dropout)
 */
export function viewsOf({ features, layout, projectors }: ObjectiveInputs, seen = features.student): Views {
  const embeddings = projectors.student.forward(seen);
  const own = (): tf.Tensor2D =>
    seen === features.student ? embeddings : projectors.student.forward(features.student);
  const { teacher } = projectors;
  const fixed = teacher ? teacher.forward(features.teacher ?? features.student) : own();
  return { embeddings, student: splitRows(embeddings, layout), fixed: splitRows(stopGradient(fixed), layout) };
}

import * as tf from '../../../../tensor/tf';
import { absolute, assign, negativeLog } from '../../tensors';
import { asRows, byVolume } from '../layout';
import { paperRegularizer } from '../terms';
import { viewsOf } from '../views';
import { cvprPaperDescriptor } from './descriptor';
import type { Objective, ObjectiveOptions } from '../types';

/**
 * The objective as the CVPR 2024 paper prints it: no teacher; L_pred = −1/n Σ log(1 − |y_i − l_i|) over every base (Eq. 3)
 * with the bases' branch detached; L_reg = mean |cos(q_i, q_j)| (Eq. 5); L = L_pred + λ·L_reg (Eq. 7).
 */
export function cvprPaper(options: ObjectiveOptions): Objective {
  return {
    ...cvprPaperDescriptor,
    options,
    loss(inputs) {
      const { labels, layout } = inputs;
      const { embeddings, student, fixed } = viewsOf(inputs);
      const assignments = assign(student.crops, fixed.bases);
      const prediction = tf.mean(negativeLog(absolute(tf.sub(byVolume(labels, layout), assignments)))) as tf.Scalar;
      const regularizer = paperRegularizer(student.bases);
      const total = tf.add<tf.Scalar>(prediction, tf.mul(regularizer, options.regularizerWeight));
      return { total, parts: { prediction, regularizer }, assignments: asRows(assignments), embeddings };
    },
  };
}

import * as tf from '../../../../tensor/tf';
import { absolute, assign, isNegative, meanOfAll, negativeLog } from '../../tensors';
import { asRows, byVolume } from '../layout';
import { cutRegularizer } from '../terms';
import { viewsOf } from '../views';
import { nnsslDescriptor } from './descriptor';
import type { Objective, ObjectiveOptions } from '../types';

/**
 * The objective of nnssl's `VoCoTrainer`: crops against bases without gradient; the positive part weighted by the labels, the
 * negative one over bases with label 0, both sums over the whole batch; ReLU(cosine) between bases with gradient to both.
 */
export function nnssl(options: ObjectiveOptions): Objective {
  return {
    ...nnsslDescriptor,
    options,
    loss(inputs) {
      const { embeddings, student, fixed } = viewsOf(inputs);
      const assignments = assign(student.crops, fixed.bases);
      const labels = byVolume(inputs.labels, inputs.layout);
      const positive = meanOfAll(negativeLog(absolute(tf.sub(labels, assignments))), labels);
      const negative = meanOfAll(tf.square(assignments), isNegative(labels));
      const regularizer = cutRegularizer(student.bases);
      const total = tf.addN([positive, negative, tf.mul(regularizer, options.regularizerWeight) as tf.Scalar]);
      return { total, parts: { positive, negative, regularizer }, assignments: asRows(assignments), embeddings };
    },
  };
}

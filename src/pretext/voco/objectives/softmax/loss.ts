import * as tf from '../../../../tensor/tf';
import { cosines } from '../../tensors';
import { asRows, byVolume } from '../layout';
import { paperRegularizer } from '../terms';
import { viewsOf } from '../views';
import { softmaxDescriptor } from './descriptor';
import type { Objective, ObjectiveOptions } from '../types';

/**
 * The objective as the news item on the paper words it: a softmax turns the cosines of a crop with the bases, divided by a
 * temperature, into a distribution, whose cross entropy with the position label is the loss. No gradient goes into the bases
 * from it; the paper's regulariser has one. At chance it is ln n.
 */
export function softmax(options: ObjectiveOptions): Objective {
  return {
    ...softmaxDescriptor,
    options,
    loss(inputs) {
      const { embeddings, student, fixed } = viewsOf(inputs);
      const logits = asRows(tf.div(cosines(student.crops, fixed.bases), options.temperature));
      const labels = asRows(byVolume(inputs.labels, inputs.layout));
      const entropies = tf.neg(tf.sum(tf.mul(labels, tf.logSoftmax(logits, 1)), 1));
      const prediction = tf.mean(entropies) as tf.Scalar;
      const regularizer = paperRegularizer(student.bases);
      const total = tf.add<tf.Scalar>(prediction, tf.mul(regularizer, options.regularizerWeight));
      return { total, parts: { prediction, regularizer }, assignments: tf.softmax(logits, 1), embeddings };
    },
  };
}

import * as tf from '../../../../tensor/tf';
import { assign } from '../../tensors';
import { asRows, byVolume } from '../layout';
import { positiveLoss, releasedRegularizer, squaredNegativeLoss } from '../terms';
import { viewsOf } from '../views';
import { voco10kDescriptor } from './descriptor';
import type { Objective, ObjectiveOptions } from '../types';

/**
 * The objective of the released code (models/voco_head.py of the VoCo repository): a full EMA teacher; assignments are the mean
 * of student crops against teacher bases and teacher crops against student bases; positive, negative and regulariser terms.
 */
export function voco10k(options: ObjectiveOptions): Objective {
  return {
    ...voco10kDescriptor,
    options,
    loss(inputs) {
      const { labels, layout } = inputs;
      const { embeddings, student, fixed } = viewsOf(inputs);
      const both = tf.add(assign(student.crops, fixed.bases), assign(fixed.crops, student.bases));
      const assignments = tf.mul<tf.Tensor3D>(both, 0.5);
      const perVolume = byVolume(labels, layout);
      const positive = positiveLoss(perVolume, assignments);
      const negative = squaredNegativeLoss(perVolume, assignments);
      const regularizer = releasedRegularizer(student.bases);
      const total = tf.addN([positive, negative, tf.mul(regularizer, options.regularizerWeight) as tf.Scalar]);
      return { total, parts: { positive, negative, regularizer }, assignments: asRows(assignments), embeddings };
    },
  };
}

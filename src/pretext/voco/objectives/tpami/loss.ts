import type { RandomStream } from '../../../../random/random';
import * as tf from '../../../../tensor/tf';
import { assign } from '../../tensors';
import { asRows, byVolume, type Embeddings } from '../layout';
import { logNegativeLoss, positiveLoss, releasedRegularizer } from '../terms';
import { viewsOf } from '../views';
import { tpamiDescriptor } from './descriptor';
import type { Objective, ObjectiveOptions } from '../types';

/**
 * The objective of the TPAMI extension (models/voco_head.py of Large-Scale-Medical): one encoder; only the projector has an
 * EMA teacher; log negatives; contrast between volumes. Where the released code differs from what it means to do, this
 * does what it means: its dropout of the student's view zeroes whole crops, here single features; with one volume in the
 * batch it contrasts the volume with itself, here there is no such term.
 */
export function tpami(options: ObjectiveOptions): Objective {
  return {
    ...tpamiDescriptor,
    options,
    loss(inputs) {
      const { features, labels, layout, random } = inputs;
      const view = random ? dropFeatures(features.student, options.featureDropout, random) : features.student;
      const { embeddings, student, fixed: teacher } = viewsOf(inputs, view);
      const assignments = assign(student.crops, teacher.bases);
      const intra = assignmentLoss(byVolume(labels, layout), assignments);
      const inter = layout.volumes > 1 ? interVolumeLoss(student, teacher) : tf.scalar(0);
      const regularizer = releasedRegularizer(student.bases);
      const total = tf.addN([
        intra,
        tf.mul(inter, options.interVolumeWeight) as tf.Scalar,
        tf.mul(regularizer, options.regularizerWeight) as tf.Scalar,
      ]);
      return { total, parts: { intra, inter, regularizer }, assignments: asRows(assignments), embeddings };
    },
  };
}

function assignmentLoss(labels: tf.Tensor3D, assignments: tf.Tensor3D): tf.Scalar {
  return tf.add(positiveLoss(labels, assignments), logNegativeLoss(labels, assignments));
}

/** Rows of volume (i + 1) mod B at place i. */
function nextVolume(x: tf.Tensor3D): tf.Tensor3D {
  const [first, rest] = tf.split(x, [1, x.shape[0] - 1], 0);
  return tf.concat([rest as tf.Tensor3D, first as tf.Tensor3D], 0);
}

/** Crops of one volume against the bases of the next: the teacher's assignment is the target of the student's. */
function interVolumeLoss(student: Embeddings, teacher: Embeddings): tf.Scalar {
  const target = assign(teacher.crops, nextVolume(teacher.bases));
  return assignmentLoss(target, assign(student.crops, nextVolume(student.bases)));
}

/** Sets each feature to 0 with probability `share` and scales the rest up, as torch.nn.functional.dropout. */
export function dropFeatures(x: tf.Tensor2D, share: number, random: RandomStream): tf.Tensor2D {
  if (share <= 0) return x;
  const mask = Float32Array.from({ length: x.size }, () => (random.uniform() < share ? 0 : 1 / (1 - share)));
  return tf.mul(x, tf.tensor2d(mask, x.shape));
}

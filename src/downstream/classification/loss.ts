import { weightedCrossEntropy } from '../../metrics';
import type { Classifier } from '../../nets';
import type { VectorLoss } from '../../tasks';
import * as tf from '../../tensor/tf';
import type { ClassifiedBatch } from './sampler';

/** Some volumes of a batch as a tensor [N, D, H, W, C]; all of them by default. */
export function inputOf(
  { images, cases, shape, channels }: ClassifiedBatch,
  rows = { first: 0, count: cases.length },
): tf.Tensor5D {
  const length = shape[0] * shape[1] * shape[2] * channels;
  const own = images.slice(rows.first * length, (rows.first + rows.count) * length);
  return tf.tensor5d(own, [rows.count, ...shape, channels]);
}

/** On the tape: the cross entropy, and the share of volumes whose class is right. */
interface ClassificationResult extends tf.TensorContainerObject {
  loss: tf.Scalar;
  accuracy: tf.Scalar;
}

/**
 * Weighted cross entropy. It ties the volumes of a batch together twice, through their pooled features alone: features are
 * standardised by the batch, and a mean weighted by class is no mean over volumes.
 */
export function classificationLoss(
  network: Classifier,
  weights: readonly number[],
): VectorLoss<ClassifiedBatch, ClassificationResult> {
  return {
    reach: 'batch',
    rows: ({ cases }) => cases.length,
    forward: (batch, rows) => ({ vectors: network.pooled(inputOf(batch, rows)) }),
    joint({ student }, { classes }) {
      const logits = network.logitsOfBatch(student);
      const target = tf.cast(tf.oneHot(tf.tensor1d([...classes], 'int32'), network.classes), 'float32') as tf.Tensor2D;
      const hits = tf.equal(tf.argMax(logits, 1), tf.argMax(target, 1));
      const accuracy = tf.mean(tf.cast(hits, 'float32')) as tf.Scalar;
      return { loss: weightedCrossEntropy(logits, target, weights), accuracy };
    },
    describe: ({ loss, accuracy }) => ({ loss, accuracy }),
    updated: (_, { student }) => network.follow(student),
  };
}

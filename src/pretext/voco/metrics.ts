import * as tf from '../../tensor/tf';
import { splitRows } from './objectives/layout';
import type { StepLayout } from './objectives';
import { cosines, unitRows } from './tensors';

/** Share of random crops whose most similar base is the one that covers most of them. assignments and labels [M, n]. */
export function positionAccuracy(assignments: tf.Tensor2D, labels: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const hit = tf.equal(tf.argMax(assignments, 1), tf.argMax(labels, 1));
    return tf.mean(tf.cast(hit, 'float32')) as tf.Scalar;
  });
}

/**
 * Standard deviation of the unit-length embeddings `[rows, E]` over all rows, averaged over dimensions, times √dimensions: about 1
 * for well spread embeddings, 0 when every row is the same.
 */
export function embeddingSpread(embeddings: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const rows = unitRows(embeddings);
    const variance = tf.mean(tf.square(tf.sub(rows, tf.mean(rows, 0, true))), 0);
    return tf.mul(tf.mean(tf.sqrt(variance)), Math.sqrt(embeddings.shape[1])) as tf.Scalar;
  });
}

export interface CollapseMetrics {
  /** Mean cosine between the embeddings of different bases of a volume: 1 when all bases look the same. */
  baseSimilarity: tf.Scalar;
  /** See {@link embeddingSpread}. */
  featureStd: tf.Scalar;
}

/** Signs of collapse in the student's embeddings [B·R + B·n, E]. */
export function collapseMetrics(embeddings: tf.Tensor2D, layout: StepLayout): CollapseMetrics {
  const baseSimilarity = tf.tidy(() => {
    const { bases } = splitRows(embeddings, layout);
    const n = layout.basesPerVolume;
    const all = tf.sum(cosines(bases, bases), [1, 2]);
    const own = tf.sum(tf.square(unitRows(bases)), [1, 2]);
    return tf.mean(tf.div(tf.sub(all, own), Math.max(n * (n - 1), 1))) as tf.Scalar;
  });
  return { baseSimilarity, featureStd: embeddingSpread(embeddings) };
}

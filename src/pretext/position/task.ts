import { mapVec3, voxelCount } from '../../geometry';
import { formatSize } from '../../text';
import * as tf from '../../tensor/tf';
import { classifying } from '../crops/classifying';
import { cropTask } from '../crops/task';
import { labelsOf } from '../crops/tensors';
import { positionDescriptor, type PositionMethod } from './descriptor';

/** Cross entropy of logits `[rows, K]` with shares `[rows, K]`, and how often the largest of both is the same. */
function placeLoss(logits: tf.Tensor2D, shares: tf.Tensor2D): { loss: tf.Scalar; accuracy: tf.Scalar } {
  const loss = tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits, 1), shares), 1))) as tf.Scalar;
  const hit = tf.equal(tf.argMax(logits, 1), tf.argMax(shares, 1));
  return { loss, accuracy: tf.mean(tf.cast(hit, 'float32')) };
}

/** Cross entropy of the place, from pooled features and a linear layer (the VoCo paper's "position labels" baseline). */
export const positionTask = cropTask<PositionMethod>({
  descriptor: positionDescriptor,
  tied: true,
  checks({ grid, crop, cropMm }) {
    if (cropMm) return { places: { grid, cropMm } };
    const gridReason = { text: `${formatSize(grid)} places of ${formatSize(crop)}`, path: ['method', 'grid'] };
    return { gridSize: mapVec3(grid, (n, axis) => n * crop[axis]), gridReason };
  },
  trial: (batch, { grid }) => ({ ...batch, labels: new Uint8Array(batch.rows * voxelCount(grid)).fill(1) }),
  learner(making, { grid, labels }) {
    const places = voxelCount(grid);
    return classifying(making, {
      name: 'place',
      count: places,
      judge(logits, batch, rows) {
        const shares = tf.tensor2d(Float32Array.from(labelsOf(batch, rows).values), [rows.count, places]);
        const truth =
          labels === 'soft'
            ? tf.div(shares, tf.sum(shares, 1, true))
            : tf.cast(tf.oneHot(tf.argMax(shares, 1), places), 'float32');
        return placeLoss(logits, truth as tf.Tensor2D);
      },
      told: (probabilities, crossEntropy) => ({
        kind: 'places',
        probabilities: Array.from(probabilities),
        scores: { 'cross entropy': crossEntropy },
      }),
    });
  },
  told: { metric: 'accuracy', text: 'places', share: true },
});

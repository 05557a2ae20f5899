import { createEncoder } from '../../nets';
import { mapVec3, voxelCount } from '../../geometry';
import { formatSize } from '../../text';
import type { Rows } from '../../tasks';
import * as tf from '../../tensor/tf';
import { numbersOf } from '../crops/answers';
import { asStudent, linearHead } from '../crops/models';
import type { CropBatch } from '../crops/sampler';
import { cropTask } from '../crops/task';
import { inputTensor, labelsOf } from '../crops/tensors';
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
  checks({ grid, crop, cropMm }) {
    if (cropMm) return { places: { grid, cropMm } };
    const gridReason = { text: `${formatSize(grid)} places of ${formatSize(crop)}`, path: ['method', 'grid'] };
    return { gridSize: mapVec3(grid, (n, axis) => n * crop[axis]), gridReason };
  },
  trial: (batch, { grid }) => ({ ...batch, labels: new Uint8Array(batch.rows * voxelCount(grid)).fill(1) }),
  learner(making, { grid, labels }) {
    const { net, module } = asStudent(making, createEncoder);
    const places = voxelCount(grid);
    const head = linearHead(making, 'place', net.pooledSize, places);
    const logits = (batch: CropBatch, rows: Rows): tf.Tensor2D => head.forward(net.pooled(inputTensor(batch, rows)));
    const judge = (given: tf.Tensor2D, batch: CropBatch, rows: Rows) => {
      const shares = tf.tensor2d(Float32Array.from(labelsOf(batch, rows).values), [rows.count, places]);
      const truth =
        labels === 'soft'
          ? tf.div(shares, tf.sum(shares, 1, true))
          : tf.cast(tf.oneHot(tf.argMax(shares, 1), places), 'float32');
      return placeLoss(given, truth as tf.Tensor2D);
    };
    return {
      modules: [module, head.module],
      loss: {
        reach: 'sample',
        rows: ({ rows }) => rows,
        loss: (batch, rows) => judge(logits(batch, rows), batch, rows),
      },
      async answer(batch) {
        const first = { first: 0, count: 1 };
        const { probabilities, loss } = await numbersOf(() => {
          const given = logits(batch, first);
          return { probabilities: tf.softmax(given), loss: judge(given, batch, first).loss };
        });
        return [
          { kind: 'places', probabilities: Array.from(probabilities), scores: { 'cross entropy': loss[0]! } } as const,
        ];
      },
    };
  },
  told: { metric: 'accuracy', text: 'places', share: true },
});

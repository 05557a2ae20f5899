import { diceCeLoss } from '../../metrics';
import * as tf from '../../tensor/tf';
import { createSegmenter } from '../../nets';
import { asStudent } from '../crops/models';
import { cropTask } from '../crops/task';
import { inputTensor, labelsOf } from '../crops/tensors';
import { volumeFusionDescriptor, type VolumeFusionMethod } from './descriptor';

/** Cross entropy and Dice of all voxels, the background's class included (nnssl's `VolumeFusionTrainer`). */
export const volumeFusionTask = cropTask<VolumeFusionMethod>({
  descriptor: volumeFusionDescriptor,
  outChannels: (_, { classes }) => classes,
  lossCopies: 6,
  trial: (batch) => ({ ...batch, labels: new Uint8Array(batch.inputs.length / batch.channels) }),
  learner(making, { classes }) {
    const { net, module } = asStudent(making, (network, init) => createSegmenter(network, classes, init));
    return {
      modules: [module],
      loss: {
        reach: 'sample',
        rows: ({ rows }) => rows,
        loss(batch, rows) {
          const { values, perRow } = labelsOf(batch, rows);
          const classOf = tf.tensor2d(Int32Array.from(values), [rows.count, perRow], 'int32');
          const truth = tf.oneHot(classOf, classes) as tf.Tensor3D;
          const logits = net.forward(inputTensor(batch, rows));
          const { loss, dice, ce } = diceCeLoss(logits, tf.cast(truth, 'float32'), {
            activation: 'softmax',
            includeBackground: true,
          });
          const flat = tf.reshape(logits, [rows.count, perRow, classes]);
          const hit = tf.cast(tf.equal(tf.argMax(flat, 2), classOf), 'float32');
          return { loss, dice, crossEntropy: ce, voxelAccuracy: tf.mean(hit) as tf.Scalar };
        },
      },
    };
  },
  told: { metric: 'voxelAccuracy', text: 'voxels', share: true },
});

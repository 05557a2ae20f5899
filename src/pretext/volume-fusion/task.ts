import { diceCeLoss } from '../../metrics';
import type { Rows } from '../../tasks';
import * as tf from '../../tensor/tf';
import { createSegmenter } from '../../nets';
import { numbersOf } from '../crops/answers';
import { asStudent } from '../crops/models';
import type { CropBatch } from '../crops/sampler';
import { cropTask } from '../crops/task';
import { inputTensor, labelsOf } from '../crops/tensors';
import { volumeFusionDescriptor, type VolumeFusionMethod } from './descriptor';
import { SHARES } from './preview';

/** Cross entropy and Dice of all voxels, the background's class included (nnssl's `VolumeFusionTrainer`). */
export const volumeFusionTask = cropTask<VolumeFusionMethod>({
  descriptor: volumeFusionDescriptor,
  outChannels: (_, { classes }) => classes,
  lossCopies: 6,
  trial: (batch) => ({ ...batch, labels: new Uint8Array(batch.inputs.length / batch.channels) }),
  learner(making, { classes }) {
    const { net, module } = asStudent(making, (network, init) => createSegmenter(network, classes, init));
    const judge = (batch: CropBatch, rows: Rows) => {
      const { values, perRow } = labelsOf(batch, rows);
      const classOf = tf.tensor2d(Int32Array.from(values), [rows.count, perRow], 'int32');
      const truth = tf.oneHot(classOf, classes) as tf.Tensor3D;
      const logits = net.forward(inputTensor(batch, rows));
      const { loss, dice, ce } = diceCeLoss(logits, tf.cast(truth, 'float32'), {
        activation: 'softmax',
        includeBackground: true,
      });
      const told = tf.argMax(tf.reshape(logits, [rows.count, perRow, classes]), 2);
      const voxelAccuracy = tf.mean(tf.cast(tf.equal(told, classOf), 'float32')) as tf.Scalar;
      return { told, scalars: { loss, dice, crossEntropy: ce, voxelAccuracy } };
    };
    return {
      modules: [module],
      loss: {
        reach: 'sample',
        rows: ({ rows }) => rows,
        loss: (batch, rows) => judge(batch, rows).scalars,
      },
      async answer(batch) {
        const given = await numbersOf(() => {
          const { told, scalars } = judge(batch, { first: 0, count: 1 });
          return { told, ...scalars };
        });
        const scores = {
          'cross entropy': given.crossEntropy[0]!,
          'Dice loss': given.dice[0]!,
          'voxel accuracy': given.voxelAccuracy[0]!,
        };
        return [
          { kind: 'image', image: { name: SHARES, voxels: Uint8Array.from(given.told), classes }, scores } as const,
        ];
      },
    };
  },
  told: { metric: 'voxelAccuracy', text: 'voxels', share: true },
});

import { createEncoder } from '../../nets';
import { globalAverage } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { classLoss } from '../crops/losses';
import { asStudent, initOf, linearHead, STUDENT } from '../crops/models';
import { cropTask } from '../crops/task';
import { flatVoxels, inputTensor, labelsOf, targetTensor } from '../crops/tensors';
import { ntXent } from '../simclr/loss';
import { swinSslDescriptor, type SwinSslMethod } from './descriptor';
import { Restorer } from './restorer';
import { VIEW_TURNS } from './sampler';

const RESTORE = `${STUDENT}restore.`;

/**
 * L1 of the restored views and cross entropy of their turns, which are means over views, and NT-Xent between the views of all crops. The
 * released heads look at single tokens of the coarsest features; ours at their average, as the rest of this program.
 */
export const swinSslTask = cropTask<SwinSslMethod>({
  descriptor: swinSslDescriptor,
  rowsPerCrop: () => 2,
  tied: true,
  trial: (batch) => ({ ...batch, targets: batch.inputs, labels: new Uint8Array(batch.rows) }),
  learner(making, method) {
    const { net, module } = asStudent(making, createEncoder);
    const coarsest = net.scales.at(-1)!;
    const turn = linearHead(making, 'turn', coarsest.channels, VIEW_TURNS.length);
    const contrast = linearHead(making, 'contrast', coarsest.channels, method.embedding);
    const restorer = new Restorer(coarsest, making.config.network.inChannels, initOf(making, RESTORE));
    const modules = [module, turn.module, contrast.module, { prefix: RESTORE, set: restorer.parameters }];
    return {
      modules,
      loss: {
        reach: 'batch',
        rows: ({ rows }) => rows,
        forward(batch, rows) {
          const features = net.forward(inputTensor(batch, rows)).at(-1)!;
          const pooled = globalAverage(features);
          const restored = flatVoxels(restorer.forward(features));
          const restoreLoss = tf.mean(tf.abs(tf.sub(restored, targetTensor(batch, rows)))) as tf.Scalar;
          const told = classLoss(turn.forward(pooled), labelsOf(batch, rows).values);
          const loss = tf.add(
            tf.mul(restoreLoss, method.restoreWeight),
            tf.mul(told.loss, method.rotationWeight),
          ) as tf.Scalar;
          return {
            vectors: contrast.forward(pooled),
            terms: { loss, restoreLoss, turnLoss: told.loss, turnAccuracy: told.accuracy },
          };
        },
        joint({ student }) {
          const { loss, found } = ntXent(student, method.temperature);
          return { loss: tf.mul(loss, method.contrastWeight) as tf.Scalar, contrastLoss: loss, found };
        },
        describe: ({ loss, contrastLoss, found }) => ({
          loss,
          contrastLoss: contrastLoss as tf.Scalar,
          found: found as tf.Scalar,
        }),
      },
    };
  },
  told: { metric: 'turnAccuracy', text: 'turns', share: true },
});

import type { Rows } from '../../tasks';
import * as tf from '../../tensor/tf';
import { classAnswer, numbersOf } from '../crops/answers';
import { classLoss } from '../crops/losses';
import { asStudent, linearHead } from '../crops/models';
import type { CropBatch } from '../crops/sampler';
import { cropTask } from '../crops/task';
import { inputTensor, labelsOf } from '../crops/tensors';
import { turnName } from '../crops/turns';
import { createEncoder } from '../../nets';
import { rotationDescriptor, type RotationMethod } from './descriptor';
import { turnClasses } from './sampler';

/** Cross entropy of the turn, from pooled features and a linear layer. */
export const rotationTask = cropTask<RotationMethod>({
  descriptor: rotationDescriptor,
  trial: (batch) => ({ ...batch, labels: new Uint8Array(batch.rows) }),
  learner(making, { turns }) {
    const { net, module } = asStudent(making, createEncoder);
    const classes = turnClasses(turns);
    const head = linearHead(making, 'turn', net.pooledSize, classes.length);
    const logits = (batch: CropBatch, rows: Rows): tf.Tensor2D => head.forward(net.pooled(inputTensor(batch, rows)));
    const judge = (given: tf.Tensor2D, batch: CropBatch, rows: Rows) => classLoss(given, labelsOf(batch, rows).values);
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
        const told = { name: 'Which turn', classes: classes.map(turnName), rows: ['the crop'] };
        return [classAnswer(told, probabilities, batch.labels, loss[0]!)];
      },
    };
  },
  told: { metric: 'accuracy', text: 'turns', share: true },
});

import { classLoss } from '../crops/losses';
import { asStudent, linearHead } from '../crops/models';
import { cropTask } from '../crops/task';
import { inputTensor, labelsOf } from '../crops/tensors';
import { createEncoder } from '../../nets';
import { rotationDescriptor, type RotationMethod } from './descriptor';
import { turnClasses } from './sampler';

/** Cross entropy of the turn, from pooled features and a linear layer. */
export const rotationTask = cropTask<RotationMethod>({
  descriptor: rotationDescriptor,
  trial: (batch) => ({ ...batch, labels: new Uint8Array(batch.rows) }),
  learner(making, { turns }) {
    const { net, module } = asStudent(making, createEncoder);
    const head = linearHead(making, 'turn', net.pooledSize, turnClasses(turns).length);
    return {
      modules: [module, head.module],
      loss: {
        reach: 'sample',
        rows: ({ rows }) => rows,
        loss: (batch, rows) =>
          classLoss(head.forward(net.pooled(inputTensor(batch, rows))), labelsOf(batch, rows).values),
      },
    };
  },
  told: { metric: 'accuracy', text: 'turns', share: true },
});

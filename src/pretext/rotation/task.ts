import { classLoss } from '../crops/losses';
import { encoderNetwork, linearHead, trained } from '../crops/models';
import { cropTask } from '../crops/task';
import { inputTensor, labelsOf } from '../crops/tensors';
import { createEncoder } from '../../nets';
import { rotationDescriptor, type RotationMethod } from './descriptor';
import { turnClasses } from './sampler';

/** Cross entropy of the turn, from pooled features and a linear layer. */
export const rotationTask = cropTask<RotationMethod>({
  descriptor: rotationDescriptor,
  headParameters: ({ network, seed }, { turns }) =>
    (createEncoder(network, { seed, describeOnly: true }).pooledSize + 1) * turnClasses(turns).length,
  trial: (batch) => ({ ...batch, labels: new Uint8Array(batch.rows) }),
  build(config, { turns }) {
    const { net, module } = encoderNetwork(config);
    const head = linearHead(config, 'turn', net.pooledSize, turnClasses(turns).length);
    return trained([module, head.module], {
      reach: 'sample',
      rows: ({ rows }) => rows,
      loss: (batch, rows) =>
        classLoss(head.forward(net.pooled(inputTensor(batch, rows))), labelsOf(batch, rows).values),
    });
  },
  told: { metric: 'accuracy', text: 'turns', share: true },
});

import type { SampleLoss } from '../../tasks';
import type * as tf from '../../tensor/tf';
import { denseNetwork, trained } from '../crops/models';
import { maskedSquaredError, voxelCorrelation } from '../crops/losses';
import type { CropBatch } from '../crops/sampler';
import { cropTask } from '../crops/task';
import { flatVoxels, inputTensor, maskTensor, targetTensor } from '../crops/tensors';
import { maeDescriptor, type MaeMethod } from './descriptor';

/** Mean squared error of the hidden voxels (He et al. 2022; nnssl's `BaseMAETrainer`, without normalised targets). */
export function maeLoss(forward: (x: tf.Tensor5D) => tf.Tensor5D): SampleLoss<CropBatch> {
  return {
    reach: 'sample',
    rows: ({ rows }) => rows,
    loss(batch, rows) {
      const mask = maskTensor(batch, rows)!;
      const target = targetTensor(batch, rows);
      const output = flatVoxels(forward(inputTensor(batch, rows)));
      return { loss: maskedSquaredError(output, target, mask), correlation: voxelCorrelation(output, target, mask) };
    },
  };
}

export const maeTask = cropTask<MaeMethod>({
  descriptor: maeDescriptor,
  outChannels: ({ network }) => network.inChannels,
  lossCopies: 4,
  trial: (batch) => ({
    ...batch,
    targets: batch.inputs,
    masks: new Uint8Array(batch.inputs.length / batch.channels).fill(1),
  }),
  build(config) {
    const { net, module } = denseNetwork(config, config.network.inChannels);
    return trained(
      [module],
      maeLoss((x) => net.forward(x)),
    );
  },
  told: { metric: 'correlation', text: 'correlation' },
});

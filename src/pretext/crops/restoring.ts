import type { SampleLoss } from '../../tasks';
import type * as tf from '../../tensor/tf';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { maskedSquaredError, voxelCorrelation } from './losses';
import { denseNetwork, trained } from './models';
import type { CropBatch } from './sampler';
import type { CropMethod } from './settings';
import { cropTask } from './task';
import { flatVoxels, inputTensor, maskTensor, targetTensor } from './tensors';

/** Mean squared error of the voxels that the mask marks (all without one), and their correlation. */
export function restoringLoss(forward: (x: tf.Tensor5D) => tf.Tensor): SampleLoss<CropBatch> {
  return {
    reach: 'sample',
    rows: ({ rows }) => rows,
    loss(batch, rows) {
      const mask = maskTensor(batch, rows);
      const target = targetTensor(batch, rows);
      const output = flatVoxels(forward(inputTensor(batch, rows)));
      return { loss: maskedSquaredError(output, target, mask), correlation: voxelCorrelation(output, target, mask) };
    },
  };
}

/** A task in which a network with a decoder restores an image. @param masked whether only some voxels count */
export function restoringTask<Method extends CropMethod>(descriptor: PretextDescriptor, masked: boolean) {
  return cropTask<Method>({
    descriptor,
    outChannels: ({ network }) => network.inChannels,
    lossCopies: 4,
    trial: (batch) => ({
      ...batch,
      targets: batch.inputs,
      masks: new Uint8Array(masked ? batch.inputs.length / batch.channels : 0).fill(1),
    }),
    build(config) {
      const { net, module } = denseNetwork(config, config.network.inChannels);
      return trained(
        [module],
        restoringLoss((x) => net.forward(x)),
      );
    },
    told: { metric: 'correlation', text: 'correlation' },
  });
}

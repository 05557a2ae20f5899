import { voxelCount } from '../../geometry';
import { createSegmenter } from '../../nets';
import type { LossScalars, Rows, SampleLoss } from '../../tasks';
import type { PretextDescriptor } from '../../tasks/descriptor';
import type * as tf from '../../tensor/tf';
import { maskedSquaredError, voxelCorrelation } from './losses';
import { asStudent } from './models';
import type { CropBatch } from './sampler';
import type { CropMethod } from './settings';
import { cropTask } from './task';
import { flatVoxels, inputTensor, maskTensor, targetTensor } from './tensors';

/**
 * Mean squared error of the voxels that the mask marks (all without one), and their correlation.
 *
 * @param restore the network's answer to some rows `[rows, X, Y, Z, C]`
 */
export function restoringLoss(
  restore: (x: tf.Tensor5D, batch: CropBatch, rows: Rows) => tf.Tensor,
): SampleLoss<CropBatch> {
  return {
    reach: 'sample',
    rows: ({ rows }) => rows,
    loss(batch, rows): LossScalars {
      const mask = maskTensor(batch, rows);
      const target = targetTensor(batch, rows);
      const output = flatVoxels(restore(inputTensor(batch, rows), batch, rows));
      return { loss: maskedSquaredError(output, target, mask), correlation: voxelCorrelation(output, target, mask) };
    },
  };
}

/** A batch of noise to restore, half of each row of it hidden: whole blocks of any size. */
export function maskedTrial(batch: CropBatch): CropBatch {
  const voxels = voxelCount(batch.shape);
  const masks = new Uint8Array(batch.rows * voxels);
  for (let row = 0; row < batch.rows; row++) masks.fill(1, row * voxels, row * voxels + voxels / 2);
  return { ...batch, targets: batch.inputs, masks };
}

/** What all tasks share that restore an image, in the channels of the input. */
export const restoring = {
  lossCopies: 4,
  told: { metric: 'correlation', text: 'correlation' },
} as const;

/** A task in which a network with a decoder restores an image. @param masked whether only some voxels count */
export function restoringTask<Method extends CropMethod>(descriptor: PretextDescriptor, masked: boolean) {
  return cropTask<Method>({
    ...restoring,
    descriptor,
    outChannels: ({ network }) => network.inChannels,
    trial: masked ? maskedTrial : (batch) => ({ ...batch, targets: batch.inputs }),
    learner(making) {
      const { inChannels } = making.config.network;
      const { net, module } = asStudent(making, (network, init) => createSegmenter(network, inChannels, init));
      return { modules: [module], loss: restoringLoss((x) => net.forward(x)) };
    },
  });
}

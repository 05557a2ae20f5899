import { voxelCount } from '../../geometry';
import { createSegmenter } from '../../nets';
import type { LossScalars, Rows } from '../../tasks';
import type { PretextDescriptor } from '../../tasks/descriptor';
import type * as tf from '../../tensor/tf';
import { numbersOf, restoredAnswer } from './answers';
import { maskedSquaredError, voxelCorrelation } from './losses';
import { asStudent, type Judged, type Learner, type Making } from './models';
import type { CropBatch } from './sampler';
import type { CropMethod } from './settings';
import { cropTask } from './task';
import { flatVoxels, inputTensor, maskTensor, targetTensor } from './tensors';

/**
 * Mean squared error of the voxels that the mask marks (all without one), and their correlation.
 *
 * @param restore the network's answer to some rows `[rows, X, Y, Z, C]`
 */
export function restored(restore: (x: tf.Tensor5D, batch: CropBatch, rows: Rows) => tf.Tensor): Judged {
  const outputs = (batch: CropBatch, rows: Rows): tf.Tensor3D =>
    flatVoxels(restore(inputTensor(batch, rows), batch, rows));
  const judge = (output: tf.Tensor3D, batch: CropBatch, rows: Rows): LossScalars & { correlation: tf.Scalar } => {
    const mask = maskTensor(batch, rows);
    const target = targetTensor(batch, rows);
    return { loss: maskedSquaredError(output, target, mask), correlation: voxelCorrelation(output, target, mask) };
  };
  return {
    loss: {
      reach: 'sample',
      rows: ({ rows }) => rows,
      loss: (batch, rows) => judge(outputs(batch, rows), batch, rows),
    },
    async answer(batch) {
      const first = { first: 0, count: 1 };
      const { output, loss, correlation } = await numbersOf(() => {
        const output = outputs(batch, first);
        const { loss, correlation } = judge(output, batch, first);
        return { output, loss, correlation };
      });
      const scores = { 'mean squared error': loss[0]!, correlation: correlation[0]! };
      return [restoredAnswer('Restored', output, { batch, row: 0, scores })];
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

/** What learns to restore an image: a network with a decoder. */
export function restoringLearner(making: Making): Learner {
  const { inChannels } = making.config.network;
  const { net, module } = asStudent(making, (network, init) => createSegmenter(network, inChannels, init));
  return { modules: [module], ...restored((x) => net.forward(x)) };
}

/** A task in which a network with a decoder restores an image. @param masked whether only some voxels count */
export function restoringTask<Method extends CropMethod>(descriptor: PretextDescriptor, masked: boolean) {
  return cropTask<Method>({
    ...restoring,
    descriptor,
    outChannels: ({ network }) => network.inChannels,
    trial: masked ? maskedTrial : (batch) => ({ ...batch, targets: batch.inputs }),
    learner: restoringLearner,
  });
}

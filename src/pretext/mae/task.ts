import { createTokenAutoencoder, estimateAutoencoder } from '../../nets';
import { RandomStream } from '../../random/random';
import { drawBlockMask, voxelMask } from '../crops/blocks';
import { initOf, STUDENT, type Learner, type Making } from '../crops/models';
import { restored, restoring, restoringLearner } from '../crops/restoring';
import type { CropBatch } from '../crops/sampler';
import { cropTask } from '../crops/task';
import { visibleVoxels } from '../crops/tensors';
import { maeDescriptor, type MaeMethod } from './descriptor';

/** What stands before the names of what only pre-training on tokens needs. */
const RESTORE = `${STUDENT}restore.`;

/** Of a network of tokens, whose encoder gets the visible ones alone; undefined for other networks. */
function tokenLearner(making: Making, { block }: MaeMethod): Learner | undefined {
  const { network } = making.config;
  const net = createTokenAutoencoder(network, network.inChannels, initOf(making, STUDENT), initOf(making, RESTORE));
  if (!net) return undefined;
  return {
    modules: [
      { prefix: STUDENT, set: net.network.parameters },
      { prefix: RESTORE, set: net.between },
    ],
    ...restored((x, batch, rows) => net.restore(x, visibleVoxels(batch, rows, block))),
  };
}

/** A batch of noise to restore, as much of it hidden as in training. */
function trial(batch: CropBatch, { block, ratio }: MaeMethod): CropBatch {
  const masks = Array.from({ length: batch.rows }, (_, row) =>
    voxelMask(drawBlockMask(new RandomStream(row), batch.shape, block, ratio)),
  );
  return { ...batch, targets: batch.inputs, masks: Uint8Array.from(masks.flatMap((mask) => Array.from(mask))) };
}

/**
 * Mean squared error of the hidden voxels (He et al. 2022; nnssl's `BaseMAETrainer` and `BaseEvaMAETrainer`, without normalised
 * targets). Convolutional networks get the whole crop with zeros in hidden places, networks of tokens the visible tokens alone.
 */
export const maeTask = cropTask<MaeMethod>({
  ...restoring,
  descriptor: maeDescriptor,
  outChannels: ({ network }) => network.inChannels,
  estimate: ({ network }, { crop, ratio }) => estimateAutoencoder(network, crop, network.inChannels, 1 - ratio),
  trial,
  learner: (making, method) => tokenLearner(making, method) ?? restoringLearner(making),
});

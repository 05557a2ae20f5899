import type { FinetuneConfig } from '../../config';
import { oneHot, type LabelCodes } from '../../data/labelled';
import { diceCeLoss, type DiceCeOptions } from '../../metrics';
import type { Segmenter } from '../../nets';
import type { SampleLoss } from '../../tasks';
import * as tf from '../../tensor/tf';
import type { LabelledBatch } from './sampler';

/** The options of the loss that a config's `loss` section means. */
export function lossOptions(config: FinetuneConfig['loss'], codes: LabelCodes): DiceCeOptions {
  return {
    activation: codes.overlapping ? 'sigmoid' : 'softmax',
    // Of overlapping classes no channel is background.
    includeBackground: codes.overlapping || config.includeBackground,
    squared: config.squared,
    diceWeight: config.dice,
    ceWeight: config.crossEntropy,
  };
}

/** Dice and cross entropy, a mean over crops. */
export function segmentationLoss(
  network: Segmenter,
  codes: LabelCodes,
  options: DiceCeOptions,
): SampleLoss<LabelledBatch> {
  return {
    reach: 'sample',
    rows: ({ crops }) => crops,
    loss(batch, { first, count }) {
      const [x, y, z] = batch.cropShape;
      const voxels = x * y * z;
      const length = voxels * batch.channels;
      const images = batch.images.slice(first * length, (first + count) * length);
      const target = oneHot(batch.codes.subarray(first * voxels, (first + count) * voxels), codes);
      const input = tf.tensor5d(images, [count, x, y, z, batch.channels]);
      const truth = tf.tensor3d(target, [count, voxels, codes.channels]);
      const { loss, dice, ce } = diceCeLoss(network.forward(input), truth, options);
      return { loss, dice, crossEntropy: ce };
    },
  };
}

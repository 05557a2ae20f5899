import type { FinetuneConfig } from '../../config';
import { oneHot, type LabelCodes } from '../../data/labelled';
import { diceCeLoss, type DiceCeOptions, type LabelScope } from '../../metrics';
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

/** Voxels that count and classes that are labelled, of some crops; undefined where all do and are. */
function scopeOf(batch: Pick<LabelledBatch, 'codes' | 'labelled'>, crops: number, codes: LabelCodes): LabelScope {
  const partly = batch.labelled.includes(0);
  const left = codes.ignoredCode >= 0 && batch.codes.includes(codes.ignoredCode);
  const background = codes.overlapping ? 0 : 1;
  const classes = codes.classes.length;
  const channels = Float32Array.from({ length: partly ? crops * codes.channels : 0 }, (_, i) => {
    const channel = i % codes.channels;
    return channel < background ? 1 : batch.labelled[Math.floor(i / codes.channels) * classes + channel - background]!;
  });
  return {
    ...(left && {
      counted: tf.tensor2d(
        Float32Array.from(batch.codes, (code) => (code === codes.ignoredCode ? 0 : 1)),
        [crops, batch.codes.length / crops],
      ),
    }),
    ...(partly && { labelled: tf.tensor2d(channels, [crops, codes.channels]) }),
  };
}

/**
 * Dice and cross entropy, a mean over crops. Crops of cases that label some classes alone have the marginal loss of those (see
 * {@link diceCeLoss}); voxels with the label `task.ignore` are left out.
 */
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
      const own = {
        codes: batch.codes.subarray(first * voxels, (first + count) * voxels),
        labelled: batch.labelled.subarray(first * codes.classes.length, (first + count) * codes.classes.length),
      };
      const target = oneHot(own.codes, codes);
      const input = tf.tensor5d(images, [count, x, y, z, batch.channels]);
      const truth = tf.tensor3d(target, [count, voxels, codes.channels]);
      const { loss, dice, ce } = diceCeLoss(network.forward(input), truth, options, scopeOf(own, count, codes));
      return { loss, dice, crossEntropy: ce };
    },
  };
}

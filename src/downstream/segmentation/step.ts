import { voxelCount } from '../../geometry';
import type { FinetuneConfig } from '../../config';
import { oneHot, type LabelCodes } from '../../data/labelled';
import { diceCeLoss, type DiceCeOptions } from '../../metrics';
import type { Segmenter } from '../../nets';
import { accumulate, valueAndGradients, type Gradients } from '../../tensor/autodiff';
import * as tf from '../../tensor/tf';
import { planMicroBatches, type MicroBatch } from '../../pretext/voco/train/microBatches';
import type { StartedStep } from '../../train/types';
import { endStep, type UpdateOptions } from '../../train/update';
import type { LabelledBatch } from './batch';

export interface FinetuneStepOptions extends UpdateOptions {
  readonly network: Segmenter;
  /** What a step trains, in the order of the optimizer. */
  readonly variablesAt: (step: number) => readonly tf.Variable[];
  readonly codes: LabelCodes;
  readonly loss: DiceCeOptions;
  /** Crops in memory at a time. */
  readonly microBatch: number;
}

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

type Parts = Record<'loss' | 'dice' | 'crossEntropy', tf.Scalar>;

/** One training step of segmentation. The loss is a mean over crops, so micro-batches add up to its exact gradient. */
export class FinetuneStep {
  constructor(private readonly options: FinetuneStepOptions) {}

  /** @param step optimizer steps done so far: 0 for the first. */
  async run(batch: LabelledBatch, step: number): Promise<StartedStep> {
    const { microBatch, variablesAt } = this.options;
    const variables = variablesAt(step);
    let gradients: Gradients | undefined;
    let total: Parts | undefined;
    for (const micro of planMicroBatches(batch.crops, microBatch)) {
      const { value, gradients: more } = this.gradients(batch, micro, variables);
      gradients = accumulate(gradients, more);
      total = addParts(total, value);
      // Lets the control socket, signals and the heartbeat in: kernels block this thread.
      await new Promise((done) => setImmediate(done));
    }
    const started = await endStep(this.options, gradients!, { ...total! }, step);
    tf.dispose(Object.values(total!));
    return started;
  }

  private gradients(batch: LabelledBatch, { first, count }: MicroBatch, variables: readonly tf.Variable[]) {
    const { network, codes, loss, optimizer } = this.options;
    const voxels = voxelCount(batch.cropShape);
    const [x, y, z] = batch.cropShape;
    const length = voxels * batch.channels;
    const images = batch.images.slice(first * length, (first + count) * length);
    const target = oneHot(batch.codes.subarray(first * voxels, (first + count) * voxels), codes);
    const input = tf.tensor5d(images, [count, x, y, z, batch.channels]);
    const truth = tf.tensor3d(target, [count, voxels, codes.channels]);
    const share = count / batch.crops;
    const result = valueAndGradients(
      () => {
        const parts = diceCeLoss(network.forward(input), truth, loss);
        const part = (value: tf.Scalar): tf.Scalar => tf.mul(value, share);
        return { loss: part(parts.loss), dice: part(parts.dice), crossEntropy: part(parts.ce) };
      },
      [...variables],
      optimizer.lossScale?.value,
    );
    tf.dispose([input, truth]);
    return result;
  }
}

function addParts(total: Parts | undefined, more: Parts): Parts {
  if (!total) return more;
  const sum = Object.fromEntries(
    Object.entries(more).map(([name, value]) => [name, tf.add(total[name as keyof Parts], value)]),
  ) as Parts;
  tf.dispose([...Object.values(total), ...Object.values(more)]);
  return sum;
}

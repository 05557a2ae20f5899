import { beforeAll, describe, expect, it } from 'vitest';
import { Classifier } from '../../../src/nets';
import * as tf from '../../../src/tensor/tf';
import { useBackend } from '../../support/backends';

beforeAll(() => useBackend('cpu'));

const build = (): Classifier => new Classifier({ name: 'unet3d', featureSize: 2 }, 3, { seed: 1 });
const volumes = (count: number, seed: number): tf.Tensor5D =>
  tf.randomUniform([count, 16, 16, 32, 1], 0, 1, 'float32', seed);
const read = (x: tf.Tensor): number[] => Array.from(x.dataSync());

/** A training step's forward pass: pooled features, then logits of the batch. */
function forwardBatch(network: Classifier, x: tf.Tensor5D): { logits: tf.Tensor2D; features: tf.Tensor2D } {
  const features = network.pooled(x);
  return { logits: network.logitsOfBatch(features), features };
}

async function statistics(network: Classifier): Promise<Record<'mean' | 'deviation', number[]>> {
  const entries = new Map((await network.parameters.stateDict()).map(({ name, data }) => [name, Array.from(data)]));
  return { mean: entries.get('features.mean')!, deviation: entries.get('features.deviation')! };
}

describe('the classifier', () => {
  it('standardises a batch by its own statistics, whatever the running ones are', async () => {
    const network = build();
    const x = volumes(4, 2);
    const before = read(forwardBatch(network, x).logits);
    await network.fitFeatures(() => Promise.resolve(undefined));
    network.follow(tf.add(forwardBatch(network, x).features, 3) as tf.Tensor2D);
    expect(read(forwardBatch(network, x).logits)).toEqual(before);
    expect(read(network.forward(x))).not.toEqual(before);
  });

  it('is the same in training and prediction once its statistics are those of the batch', async () => {
    const network = build();
    const x = volumes(4, 3);
    const rows = tf.split(x, 4) as tf.Tensor5D[];
    await network.fitFeatures(() => Promise.resolve(rows.shift()));
    const [training, prediction] = [read(forwardBatch(network, x).logits), read(network.forward(x))];
    training.forEach((value, i) => expect(value).toBeCloseTo(prediction[i]!, 2));
  });

  it('moves its running statistics a tenth of the way to those of a batch', async () => {
    const network = build();
    const features = forwardBatch(network, volumes(4, 4)).features;
    const before = await statistics(network);
    expect(before.mean.every((value) => value === 0) && before.deviation.every((value) => value === 1)).toBe(true);
    network.follow(features);
    const after = await statistics(network);
    const { mean, variance } = tf.moments(features, 0);
    read(mean).forEach((value, i) => expect(after.mean[i]).toBeCloseTo(0.1 * value, 5));
    read(variance).forEach((value, i) =>
      expect(after.deviation[i]).toBeCloseTo(Math.sqrt(0.9 + (0.1 * value * 4) / 3), 5),
    );
  });

  it('takes a single volume as prediction does, since it has no statistics of its own', async () => {
    const network = build();
    const x = volumes(1, 5);
    const { logits, features } = forwardBatch(network, x);
    expect(read(logits)).toEqual(read(network.forward(x)));
    const before = await statistics(network);
    network.follow(features);
    expect(await statistics(network)).toEqual(before);
  });
});

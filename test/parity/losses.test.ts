import { beforeAll, describe, expect, it } from 'vitest';
import { diceCeLoss, diceLossTerms, type DiceCeOptions } from '../../src/metrics';
import { valueAndGradients } from '../../src/tensor/autodiff';
import * as tf from '../../src/tensor/tf';
import { useBackend } from '../support/backends';
import { withFixtures } from '../support/fixtures';
import { MetricsInputs, type LabelSet, type MetricsFixture } from '../support/segmentation';
import { channelsFirst, channelsLast, gradientError } from '../support/reference';

function optionsOf(args: Record<string, unknown>, diceOnly: boolean): DiceCeOptions {
  return {
    activation: 'softmax',
    includeBackground: (args.include_background as boolean | undefined) ?? true,
    squared: args.squared_pred as boolean | undefined,
    batch: args.batch as boolean | undefined,
    diceWeight: args.lambda_dice as number | undefined,
    ceWeight: diceOnly ? 0 : (args.lambda_ce as number | undefined),
    smoothNumerator: args.smooth_nr as number | undefined,
    smoothDenominator: args.smooth_dr as number | undefined,
  };
}

beforeAll(() => useBackend('cpu'));

withFixtures<[MetricsFixture]>('DiceCE loss against MONAI', ['losses_metrics.json'], (fixture) => {
  const inputs = new MetricsInputs(fixture);
  const oneHot = (set: LabelSet): tf.Tensor5D => {
    const [samples, classes, ...size] = inputs.shape;
    const labels = tf.tensor4d(Int32Array.from(inputs.labels(set)), [samples, ...size], 'int32');
    return tf.tidy(() => tf.cast(tf.oneHot(labels, classes), 'float32') as tf.Tensor5D);
  };

  describe('DiceCE loss against MONAI', () => {
    const cases = fixture.losses.filter(
      (item) => item.value !== undefined && item.class !== 'torch.nn.CrossEntropyLoss',
    );
    it.each(cases.map((item) => [`${item.variant}, ${item.labels} labels`, item] as const))('%s', async (_, item) => {
      const x = channelsLast(inputs.logits, inputs.shape);
      const target = oneHot(item.labels);
      const options = optionsOf(item.args!, item.class === 'DiceLoss');
      const { value, gradients } = valueAndGradients(() => diceCeLoss(x, target, options), [x]);
      const loss = (await value.loss.data())[0]!;
      expect(Math.abs(loss - item.value!) / item.value!).toBeLessThan(1e-6);
      if (item.grad) expect(gradientError(await channelsFirst(gradients[0]!), item.grad)).toBeLessThan(1e-5);
    });

    const one = fixture.losses.filter((item) => item.values_n_c);
    it.each(one.map((item) => [item.labels, item] as const))(
      'Dice of each sample and class, %s labels',
      async (set, item) => {
        const terms = diceLossTerms(
          channelsLast(inputs.logits, inputs.shape),
          oneHot(set),
          optionsOf(item.args!, true),
        );
        const values = Array.from(await terms.data());
        item.values_n_c!.flat().forEach((value, i) => expect(Math.abs(values[i]! - value)).toBeLessThan(1e-6));
      },
    );

    const entropies = fixture.losses.filter((item) => item.class === 'torch.nn.CrossEntropyLoss');
    it.each(entropies.map((item) => [item.labels, item] as const))(
      'cross entropy alone, %s labels',
      async (set, item) => {
        const { ce } = diceCeLoss(channelsLast(inputs.logits, inputs.shape), oneHot(set), { activation: 'softmax' });
        expect(Math.abs((await ce.data())[0]! - item.value!) / item.value!).toBeLessThan(1e-6);
      },
    );
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configSchema, diagnose, loadConfig } from '../../../src/config';
import { exportOnnx } from '../../../src/convert/exportOnnx';
import { ArgmaxLabels, diceCeLoss, networkPredictor, slidingWindow } from '../../../src/metrics';
import { createEncoder, createSegmenter, estimate, networkText } from '../../../src/nets';
import { schemasAt } from '../../../src/schema';
import { saveCheckpoint, writeSafetensors } from '../../../src/runs';
import { withWeights } from '../../../src/runs/import';
import { readWeights } from '../../../src/convert/read';
import * as tf from '../../../src/tensor/tf';
import { fastestBackend } from '../../support/backends';
import { Formula } from '../../support/formula';
import { filled, relativeError, runOnnx } from '../../support/onnx';
import { channelsFirst, channelsLast } from '../../support/reference';
import { registerToyNetwork } from '../../support/toy/network/register';
import { temporaryFolder } from '../runs/support';

const toy = { name: 'toy', width: 4 };
const section = { ...toy, inChannels: 1 };
const shape = [1, 1, 32, 16, 24] as const;
const size = [32, 16, 24] as const;

let remove: () => void;
beforeAll(async () => {
  remove = registerToyNetwork();
  await fastestBackend();
});
afterAll(() => remove());

const config = {
  kind: 'finetune',
  data: { train: [{ folder: 'a' }] },
  task: { name: 'custom', classes: [{ name: 'liver', values: [1] }] },
  crops: { size },
};
const errors = (network: object, more: object = {}): string[] =>
  diagnose(JSON.stringify({ ...config, ...more, network }), 'f')
    .filter(({ severity }) => severity === 'error')
    .map(({ path, message }) => `${path}: ${message}`);

async function load(network: object, set: string[] = []) {
  const file = join(temporaryFolder(), 'toy.voco.json');
  writeFileSync(file, JSON.stringify({ ...config, network }));
  return (await loadConfig(file, { kind: 'finetune', set })).config;
}

describe('a network that a test registers', () => {
  test('is known to the config: its keys, defaults, rules and sizes', async () => {
    expect((await load({ name: 'toy' })).network).toEqual(section);
    expect((await load({}, ['network.name=toy', 'network.width=6'])).network).toEqual({ ...section, width: 6 });
    expect(errors({ name: 'toy', featureSize: 8 })[0]).toContain('known keys here: name, width, inChannels');
    expect(errors({ name: 'toy', width: 5 })).toEqual(['network.width: must be even, is 5']);
    expect(errors({ name: 'toi' })[0]).toMatch(
      /^network\.name: must be "swin-unetr", "unet3d", .* or "toy", is "toi"; did you mean "toy"\?$/,
    );
    expect(errors(toy, { crops: { size: [32, 16, 18] } })).toEqual([
      'crops.size: every axis must be a multiple of 4 for toy, is 32×16×18',
    ]);
    expect(schemasAt(configSchema(), ['network', 'width'])).not.toHaveLength(0);
    expect(networkText(toy)).toBe('toy, width 4');
  });

  test('is estimated', () => {
    const forward = (outputs: number, ins: number, outs: number, kernel: number) => 2 * outputs * ins * outs * kernel ** 3; // prettier-ignore
    const voxels = 32 * 16 * 24;
    const encoder = forward(voxels / 8, 1, 4, 3) + forward(voxels / 64, 4, 8, 3);
    expect(estimate(toy, size)).toMatchObject({ parameters: 27 * 4 + 27 * 4 * 8, forwardFlops: encoder });
    expect(estimate(toy, size, 2).parameters).toBe(27 * 36 + 8 * 8 * 4 + 8 * 8 * 4 + 4 * 2 + 2);
  });

  test('gives features at its own scales', () => {
    const network = createEncoder(toy, { seed: 1 });
    const x = channelsLast(new Formula(0).image('toy.x', shape), shape);
    const features = network.forward(x);
    expect(features.map((feature) => feature.shape)).toEqual([
      [1, 16, 8, 12, 4],
      [1, 8, 4, 6, 8],
    ]);
    const pooled = network.pooled(x);
    expect([pooled.shape, network.pooledSize]).toEqual([[1, 12], 12]);
    expect(() => network.checkSize([4, 4, 4])).toThrow('input size 4×4×4: one axis must be at least 8 for toy');
    tf.dispose([x, features, pooled]);
    network.dispose();
  });

  test('learns: steps down the gradient make the loss smaller', async () => {
    const network = createSegmenter(toy, 2, { seed: 1 });
    const x = channelsLast(new Formula(0).image('toy.x', shape), shape);
    const target = tf.tidy(() => {
      const inside = tf.cast(tf.greater(x, 0), 'float32');
      return tf.concat([tf.sub(1, inside), inside], 4) as tf.Tensor5D;
    });
    const variables = network.parameters.all.map(({ variable }) => variable);
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) {
      const { value, grads } = tf.variableGrads(
        () => diceCeLoss(network.forward(x), target, { activation: 'softmax' }).loss,
        variables,
      );
      for (const variable of variables)
        tf.tidy(() => variable.assign(tf.sub(variable, tf.mul(0.1, grads[variable.name]!))));
      losses.push((await value.data())[0]!);
      tf.dispose([value, grads]);
    }
    expect(losses.at(-1)).toBeLessThan(0.97 * losses[0]!);
    tf.dispose([x, target]);
    network.dispose();
  });

  test('segments a volume by windows', async () => {
    const network = filled(createSegmenter(toy, 2, { seed: 1 }));
    const volume = {
      data: new Formula(0).image('toy.volume', [1, 1, 40, 24, 24]),
      shape: [1, 40, 24, 24] as const,
      affine: [],
    };
    const labels = new ArgmaxLabels([40, 24, 24], 2);
    const predict = networkPredictor((windows) => network.forward(windows), size, 1);
    await slidingWindow(
      volume as never,
      2,
      predict,
      { roi: size, overlap: 0.5, mode: 'gaussian' as const, batch: 1 },
      labels.consume,
    );
    expect([...new Set(labels.labels)].sort()).toEqual([0, 1]);
    network.dispose();
  });

  test('is saved, loaded, and exported to ONNX with the lowering that it brings', async () => {
    const folder = temporaryFolder();
    const resolved = await load(toy);
    const network = filled(createSegmenter(toy, 2, { seed: 1 }));
    const entries = await network.parameters.stateDict();
    expect(entries.map(({ name }) => name)).toEqual(['stem', 'deep', 'up', 'last', 'out'].flatMap((name) => (name === 'out' ? ['out.weight', 'out.bias'] : [`${name}.weight`]))); // prettier-ignore
    const tensors = entries.map(({ name, shape: dims, data }) => ({ name, dtype: 'F32' as const, shape: dims, data: data as Float32Array })); // prettier-ignore
    const metadata = { kind: 'finetune', name: 'toy', config: JSON.stringify(resolved), version: '0' };
    const file = await saveCheckpoint(join(folder, 'run'), { step: 1, tensors, metadata, metrics: {} });

    const again = createSegmenter(toy, 2, { seed: 2 });
    again.parameters.loadStateDict((await readWeights(file)).entries, { strict: true });
    const values = new Formula(0).image('toy.x', shape);
    const logits = tf.tidy(() => again.forward(channelsLast(values, shape)));
    const expected = await channelsFirst(logits);

    const out = join(folder, 'toy.onnx');
    const { card } = await exportOnnx({ file, out });
    expect(readFileSync(card, 'utf8')).toContain('| Network | toy, width 4 |');
    const found = await runOnnx(out, values, shape);
    expect(relativeError(found.data as Float32Array, expected)).toBeLessThan(1e-4);
    logits.dispose();
    again.dispose();
    network.dispose();
  });

  test('names of its authors are brought to its own', async () => {
    const { layout } = createSegmenter(toy, 2, { seed: 1, describeOnly: true }).parameters;
    const tensors = layout
      .filter(({ name }) => /^(stem|deep)\./.test(name))
      .map(({ name, shape: dims }) => ({
        ...{ name: `module.toy_${name}`, dtype: 'F32' as const, shape: dims },
        data: new Float32Array(dims.reduce((a, b) => a * b, 1)),
      }));
    const file = join(temporaryFolder(), 'authors.safetensors');
    await writeSafetensors(file, tensors);
    await withWeights(file, undefined, ({ tensors: found, report }) => {
      expect(found.map(({ name }) => name)).toEqual(['stem.weight', 'deep.weight']);
      expect(report.changes.map(({ text }) => text)).toEqual(['prefix "module." removed', 'prefix "toy_" removed']);
      return Promise.resolve();
    });
  });
});

test('taken out again, no config may name it', () => {
  const again = registerToyNetwork;
  expect(again).toThrow('there is a network "toy" already');
  remove();
  expect(errors(toy)[0]).toMatch(/^network\.name: must be "swin-unetr", .*, is "toy"/);
  expect(errors(toy)[0]).not.toContain('or "toy"');
  remove = registerToyNetwork();
  expect(errors(toy)).toEqual([]);
});

import { beforeAll, describe, expect, it } from 'vitest';
import { createEncoder } from '../../../src/nets';
import { Scope } from '../../../src/nets/layers';
import { fromTorchLayout, tensorShape, toTorchLayout } from '../../../src/tensor/torchLayout';
import { ParameterSet } from '../../../src/nets/parameters';
import { conv3d, convTranspose3d } from '../../../src/tensor/ops';
import * as tf from '../../../src/tensor/tf';
import { useBackend } from '../../support/backends';

beforeAll(() => useBackend('cpu'));

const config = { name: 'unet3d', featureSize: 2 } as const;
const stateOf = async (seed: number, namespace?: string) => {
  const network = createEncoder(config, { seed, namespace });
  const entries = await network.parameters.stateDict();
  network.dispose();
  return entries;
};

describe('layout', () => {
  it('turns filters from torch order and back', () => {
    const shape = [2, 3, 1, 2, 2];
    const torch = Float32Array.from({ length: 24 }, (_, i) => i);
    const own = fromTorchLayout(torch, shape);
    const tensor = tf.tensor(torch, shape as [number, number, number, number, number]);
    expect(Array.from(own)).toEqual(Array.from(tf.transpose(tensor, [2, 3, 4, 1, 0]).dataSync()));
    expect(tensorShape(shape)).toEqual([1, 2, 2, 3, 2]);
    expect(Array.from(toTorchLayout(own, shape))).toEqual(Array.from(torch));
  });

  it('a filter (out, in, …) convolves and a filter (in, out, …) is its transpose', () => {
    const set = new ParameterSet({ seed: 5 });
    const down = new Scope(set, 'down.').conv(3, 4, 2).weight;
    const up = new Scope(set, 'up.').convTranspose(4, 3, 2).weight;
    up.variable.assign(down.variable);
    const [x, y] = [tf.ones([1, 4, 4, 4, 3]) as tf.Tensor5D, tf.ones([1, 2, 2, 2, 4]) as tf.Tensor5D];
    const forward = tf.sum(tf.mul(conv3d(x, down.get(), { stride: 2 }), y)).dataSync()[0]!;
    const backward = tf.sum(tf.mul(convTranspose3d(y, up.get(), { stride: 2 }), x)).dataSync()[0]!;
    expect(down.torchShape).toEqual([4, 3, 2, 2, 2]);
    expect(up.torchShape).toEqual([4, 3, 2, 2, 2]);
    expect(backward).toBeCloseTo(forward, 4);
    set.dispose();
  });
});

describe('first values', () => {
  it('are a function of seed and name', async () => {
    const [first, same, other, teacher] = [
      await stateOf(1),
      await stateOf(1),
      await stateOf(2),
      await stateOf(1, 't.'),
    ];
    expect(first).toEqual(same);
    expect(first[1]!.data).not.toEqual(other[1]!.data);
    expect(first[1]!.data).not.toEqual(teacher[1]!.data);
  });

  it('have the bounds of torch', () => {
    const set = new ParameterSet({ seed: 3 });
    const scope = new Scope(set);
    const spread = (name: string, values: tf.Tensor, bound: number) => {
      const data = values.dataSync<'float32'>();
      const largest = data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      expect(largest, name).toBeLessThanOrEqual(bound);
      expect(largest, name).toBeGreaterThan(0.95 * bound);
    };
    spread('conv', scope.at('conv').conv(6, 32, 3).weight.variable, 1 / Math.sqrt(6 * 27));
    spread('transposed', scope.at('up').convTranspose(16, 4, 2).weight.variable, 1 / Math.sqrt(4 * 8));
    const { weight, bias } = scope.at('dense').linear(64, 256);
    spread('dense', weight.variable, 1 / 8);
    spread('bias', bias.variable, 1 / 8);
    set.dispose();
  });

  it('of the position bias table are normal with standard deviation 0.02', () => {
    const set = new ParameterSet({ seed: 3 });
    const table = set.add('table', [2197, 3], { kind: 'normal', std: 0.02 }).variable;
    const values = table.dataSync<'float32'>();
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    expect(Math.abs(mean)).toBeLessThan(1e-3);
    expect(std).toBeGreaterThan(0.0193);
    expect(std).toBeLessThan(0.0207);
    set.dispose();
  });
});

describe('state dict', () => {
  it('comes back as it was written', async () => {
    const network = createEncoder({ name: 'swin-unetr', featureSize: 12 }, { seed: 4 });
    const other = createEncoder({ name: 'swin-unetr', featureSize: 12 }, { seed: 5 });
    const written = await network.parameters.stateDict();
    const report = other.parameters.loadStateDict(written, { strict: true });
    expect(report.matched).toHaveLength(written.length);
    const read = await other.parameters.stateDict();
    expect(read.map(({ name, shape }) => ({ name, shape }))).toEqual(
      written.map(({ name, shape }) => ({ name, shape })),
    );
    const differing = read.filter(({ data }, i) => data.some((value, k) => value !== written[i]!.data[k]));
    expect(differing).toHaveLength(0);
    network.dispose();
    other.dispose();
  });

  it('reports what does not fit, and loads the rest', async () => {
    const network = createEncoder(config, { seed: 4 });
    const donor = await stateOf(9);
    const [first, second, third, ...rest] = donor;
    const wrong = { ...second!, shape: [1, 2, 3, 3, 3], data: new Float32Array(54) };
    const report = network.parameters.loadStateDict([wrong, third!, ...rest, { ...first!, name: 'stranger' }]);
    expect(report).toMatchObject({
      missing: [first!.name],
      shapeMismatch: [{ name: second!.name, expected: second!.shape, found: [1, 2, 3, 3, 3] }],
      unexpected: ['stranger'],
    });
    const loaded = await network.parameters.stateDict();
    expect(loaded[2]!.data).toEqual(third!.data);
    network.dispose();
  });

  it('strict: says what is wrong and changes nothing', async () => {
    const network = createEncoder(config, { seed: 4 });
    const before = await network.parameters.stateDict();
    const donor = (await stateOf(9)).slice(1);
    expect(() => network.parameters.loadStateDict(donor, { strict: true, source: 'a.safetensors' })).toThrow(
      expect.objectContaining({
        name: 'UserError',
        message: expect.stringMatching(/^a\.safetensors: .*1 tensor missing/),
      }),
    );
    expect(await network.parameters.stateDict()).toEqual(before);
    network.dispose();
  });

  it('refuses data that is shorter than its shape says', async () => {
    const network = createEncoder(config, { seed: 4 });
    const [first] = await stateOf(9);
    const short = { ...first!, data: (first!.data as Float32Array).slice(1) };
    expect(() => network.parameters.loadStateDict([short])).toThrow('the file is damaged');
    network.dispose();
  });
});

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createEncoder, createSegmenter, type NetworkConfig } from '../../src/nets';
import { describedSection } from '../../src/nets/descriptors';
import type { PrimusSection } from '../../src/nets/primus/descriptor';
import { Primus } from '../../src/nets/primus/primus';
import { rotaryTable } from '../../src/nets/primus/rotary';
import { gridOf, sizeOf } from '../../src/nets/primus/rules';
import { linearize } from '../../src/tensor/autodiff';
import * as tf from '../../src/tensor/tf';
import { toTorchLayout } from '../../src/tensor/torchLayout';
import { usableBackends, useBackend } from '../support/backends';
import { nameDrawn, withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import type { GradientSummary, Summary } from '../support/reference';
import { channelsFirst, channelsLast, gradientError, loadFormula, summaryError } from '../support/reference';

vi.setConfig({ testTimeout: 300_000 });

type Vec3 = [number, number, number];
type Shape5 = [number, number, number, number, number];
interface Args {
  input_channels: number;
  num_classes: number;
  patch_embed_size: Vec3;
  input_shape: Vec3;
  init_values: number | null;
  scale_attn_inner: boolean;
  embed_dim: number;
  eva_depth: number;
  eva_numheads: number;
}
interface Listing {
  args: Args;
  num_parameters: number;
  num_keys: number;
  state_dict: [string, number[]][];
}
interface Case extends Listing {
  name: string;
  x_shape: Shape5;
  input: string;
  modules: Record<string, Summary>;
  outputs: Summary[];
  loss: number;
  dx: GradientSummary | Summary;
  grads: Record<string, GradientSummary>;
  rope: { shape: [number, number]; rows: Record<string, number[]> };
}
interface Fixture {
  seed: number;
  full: Record<string, Listing>;
  cases: Case[];
}

const networkOf = (args: Args): NetworkConfig => ({
  name: 'primus',
  size: null,
  embedDim: args.embed_dim,
  depth: args.eva_depth,
  heads: args.eva_numheads,
  patch: args.patch_embed_size,
  crop: args.input_shape,
  layerScale: args.init_values,
  innerNorm: args.scale_attn_inner,
  inChannels: args.input_channels,
});

const described = { seed: 0, describeOnly: true };
const MODULES = 3e-5;
const LOSS = 1e-6;
const GRADIENT = 1e-4;

function expectListing({ args, num_parameters: count, num_keys: keys, state_dict: listed }: Listing): void {
  const network = createSegmenter(networkOf(args), args.num_classes, described);
  expect(network.parameters.layout).toEqual(listed.map(([name, shape]) => ({ name, shape })));
  expect(network.parameters.layout).toHaveLength(keys);
  expect(network.parameters.count).toBe(count);
  const encoder = createEncoder(networkOf(args), described).parameters.layout;
  const own = network.parameters.all.filter(({ name }) => network.isEncoderParameter(name));
  expect(encoder).toEqual(own.map(({ name, torchShape }) => ({ name, shape: torchShape })));
}

/** Tokens [N, n, C] in (N, n, C) order, or voxels in (N, C, …) order. */
const valuesOf = async (x: tf.Tensor): Promise<Float32Array> =>
  x.shape.length === 5 ? channelsFirst(x) : ((await x.data()) as Float32Array);

/** What the modules of the fixture give, by their names. */
function modulesOf(network: Primus, x: tf.Tensor5D, names: readonly string[]): Record<string, tf.Tensor> {
  const { trunk, decoder } = network;
  const embedded = trunk.embedding.forward(x);
  const rotary = trunk.rotary.all();
  const found: Record<string, tf.Tensor> = { down_projection: embedded };
  trunk.eva.states(trunk.eva.placed(trunk.asTokens(embedded)), rotary).forEach((state, i, states) => {
    found[i < states.length - 1 ? `eva.blocks.${i}` : 'eva.norm'] = state;
  });
  decoder.states(trunk.asGrid(found['eva.norm'] as tf.Tensor3D)).forEach((state, i) => {
    found[`up_projection.decode.${i}`] = state;
  });
  return Object.fromEntries(names.map((name) => [name, found[name]!]));
}

async function checkModules(network: Primus, x: tf.Tensor5D, { modules, outputs }: Case): Promise<void> {
  const found = modulesOf(network, x, Object.keys(modules));
  for (const [name, expected] of Object.entries(modules))
    expect(summaryError(await valuesOf(found[name]!), expected), name).toBeLessThan(MODULES);
  const output = network.forward(x);
  expect(summaryError(await valuesOf(output), outputs[0]!)).toBeLessThan(MODULES);
  output.dispose();
}

async function checkGradients(network: Primus, x: tf.Tensor5D, g: tf.Tensor5D, expected: Case): Promise<void> {
  const parameters = network.parameters.all;
  const variables = parameters.map(({ variable }) => variable);
  const recording = linearize(() => [tf.mean(tf.mul(network.forward(x), g))], [x, ...variables]);
  const loss = (await recording.outputs[0]!.data())[0]!;
  expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(5 * LOSS);
  const [dx, ...gradients] = recording.pullback([tf.scalar(1)]);
  expect(gradientError(await channelsFirst(dx!), expected.dx as GradientSummary)).toBeLessThan(GRADIENT);
  expect(parameters.map(({ name }) => name).sort()).toEqual(Object.keys(expected.grads).sort());
  for (const [i, { name, torchShape }] of parameters.entries()) {
    const values = toTorchLayout((await gradients[i]!.data()) as Float32Array, torchShape);
    expect(gradientError(values, expected.grads[name]!), name).toBeLessThan(GRADIENT);
  }
  tf.dispose([dx!, gradients as tf.Tensor[], recording.outputs]);
}

const backends = await usableBackends('block');

withFixtures<[Fixture]>('Primus', ['primus.json'], (fixture) => {
  const formula = new Formula(fixture.seed);

  it.each(Object.entries(fixture.full))('%s has the names, shapes and parameters of the reference', (_, listing) =>
    expectListing(listing),
  );

  describe.each(fixture.cases.map((one) => [one.name, one] as const))('%s', (name, one) => {
    const section = describedSection(networkOf(one.args)).section as PrimusSection;

    it('has the names, shapes and parameters of the reference', () => expectListing(one));

    it('turns by the angles of the reference', () => {
      const { embedDim, heads } = sizeOf(section);
      const depth = embedDim / heads;
      const table = rotaryTable(gridOf(section), depth);
      expect([table.length / depth, 2 * depth]).toEqual(one.rope.shape);
      for (const [row, values] of Object.entries(one.rope.rows)) {
        const own = table.subarray(Number(row) * depth, (Number(row) + 1) * depth);
        // The reference has each number twice in a row.
        values.forEach((value, i) => expect(own[Math.floor(i / 2)]).toBeCloseTo(value, 6));
      }
    });

    describe.each(backends)('on %s', (backend) => {
      beforeAll(() => useBackend(backend));

      it('gives the outputs, loss and gradients of the reference', async () => {
        const network = new Primus(section, one.args.num_classes, { seed: 0 });
        loadFormula(network.parameters, formula);
        const x = channelsLast(formula.image(nameDrawn('image', one.input), one.x_shape), one.x_shape);
        const shape = one.outputs[0]!.shape as Shape5;
        const field = formula.image(`${name}.g0`, shape).map((value) => 2 * value - 1);
        const g = channelsLast(field, shape);
        await checkModules(network, x, one);
        await checkGradients(network, x, g, one);
        tf.dispose([x, g]);
        network.dispose();
      });
    });
  });
});

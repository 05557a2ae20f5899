import { beforeAll, describe, expect, it } from 'vitest';
import type { Vec3 } from '../../src/geometry';
import { createEncoder, createSegmenter, ParameterSet } from '../../src/nets';
import { describedSection } from '../../src/nets/descriptors';
import { Scope } from '../../src/nets/layers';
import { Block, Unit } from '../../src/nets/resenc-unet/blocks';
import { resencUnet, type ResEncSection } from '../../src/nets/resenc-unet/descriptor';
import { ResEncUnet } from '../../src/nets/resenc-unet/network';
import { valueAndGradients } from '../../src/tensor/autodiff';
import { convTranspose3d } from '../../src/tensor/ops';
import * as tf from '../../src/tensor/tf';
import { toTorchLayout } from '../../src/tensor/torchLayout';
import { usableBackends, useBackend } from '../support/backends';
import { withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import { canonical, sectionOf, type Listed, type ReferenceConfig } from '../support/resenc';
import {
  channelsFirst,
  channelsLast,
  gradientError,
  gradientNormError,
  loadFormula,
  summaryError,
  type GradientSummary,
  type Summary,
} from '../support/reference';

type Shape5 = [number, number, number, number, number];

interface Case {
  name: string;
  config: ReferenceConfig & { deep_supervision: boolean };
  num_parameters: number;
  num_keys: number;
  state_dict: Listed[];
  x_shape: Shape5;
  modules: Record<string, Summary>;
  outputs: Summary[];
  loss: number;
  dx: Summary;
  grads: Record<string, GradientSummary | null>;
  loss_main?: number;
  grads_main?: Record<string, GradientSummary | null>;

  zero_gradients?: { keys: string[] };
}
interface UnitCase {
  name: string;
  x_shape: Shape5;
  state_dict: Listed[];
  out: Summary;
  loss: number;
  dx: Summary;
  grads: Record<string, GradientSummary>;
}
interface Fixture {
  seed: number;
  full: Record<string, Pick<Case, 'config' | 'num_parameters' | 'num_keys' | 'state_dict'>>;
  cases: Case[];
  units: Record<string, UnitCase | string>;
  errors: { cases: { x_shape: Shape5 }[] };
}

// The fixtures' README: of blocks alone; of networks by their depth, whose leaky ReLUs near 0 change sign in float32.
const UNIT = { forward: 1e-5, gradient: 3e-5 };
const NETWORK = { forward: 1e-4, gradient: 5e-2 };
const SHALLOW = { forward: 3e-5, gradient: 2e-4 };
/** From this many layers on, single leaky ReLUs change sign between precisions. */
const DEEP = 12;

const described = { seed: 0, describeOnly: true };
const [units, backends] = [await usableBackends('block'), await usableBackends('network')];

/** The differentiated inputs' gradients by name; those that do not matter are left out. */
async function named(parameters: ParameterSet, gradients: (tf.Tensor | null)[]): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for (const [i, parameter] of parameters.all.entries()) {
    const gradient = gradients[i];
    if (!gradient) continue;
    found.set(parameter.name, toTorchLayout((await gradient.data()) as Float32Array, parameter.torchShape));
  }
  return found;
}

withFixtures<[Fixture]>('nnU-Net’s residual encoder U-Net without values', ['resenc_unet.json'], (fixture) => {
  const all = [...Object.entries(fixture.full), ...fixture.cases.map((item) => [item.name, item] as const)];

  it.each(all)('%s has nnU-Net’s names and shapes, in its order', (_, { config, state_dict, ...counts }) => {
    const { parameters } = createSegmenter(sectionOf(config), config.num_classes, described);
    const known = new Map(parameters.layout.map((item) => [item.name, item.shape]));
    const { keysOf, nameOf } = resencUnet.stateDict.aliases;
    const keys = keysOf(parameters.layout.map(({ name }) => name));
    expect(keys.map(({ key, name }) => [key, known.get(name)])).toEqual(state_dict.map(([key, shape]) => [key, shape]));
    expect(keys.map(({ name }) => name)).toEqual(state_dict.map(([key, , of]) => state_dict[of ?? -1]?.[0] ?? key));
    expect(keys.map(({ key }) => nameOf(key))).toEqual(keys.map(({ name }) => name));
    expect(parameters.layout).toEqual(canonical(state_dict));
    expect([parameters.count, keys.length]).toEqual([counts.num_parameters, counts.num_keys]);
    expect(parameters.layout.filter(({ name }) => !resencUnet.stateDict.names.test(name))).toEqual([]);
  });

  it.each(all)('of %s the shapes tell the section', (_, { config }) => {
    const { section } = describedSection(sectionOf(config));
    const { parameters } = createSegmenter(sectionOf(config), config.num_classes, described);
    const shapes = new Map(parameters.layout.map(({ name, shape }) => [name, shape]));
    const found = resencUnet.stateDict.infer(shapes)!;
    expect({ name: 'resenc-unet', ...found }).toEqual(resencUnet.normal(section as ResEncSection));
    const encoder = [...shapes].filter(([name]) => resencUnet.stateDict.encoder.test(name));
    const { strides: _strides, decoderConvs: _convs, ...alone } = found;
    expect(resencUnet.stateDict.infer(new Map(encoder))).toEqual(alone);
    expect(createEncoder(sectionOf(config), described).parameters.layout).toEqual(
      encoder.map(([name, shape]) => ({ name, shape })),
    );
  });

  it('refuses the sizes at which the reference fails', () => {
    const network = createSegmenter(sectionOf(fixture.cases[0]!.config), 1, described);
    for (const { x_shape: shape } of fixture.errors.cases)
      expect(() => network.checkSize(shape.slice(2) as unknown as Vec3)).toThrow(/input size .* axis must be/);
    expect(() => network.checkSize(fixture.cases[0]!.x_shape.slice(2) as unknown as Vec3)).not.toThrow();
  });
});

interface Layer {
  parameters: ParameterSet;
  forward: (x: tf.Tensor5D) => tf.Tensor5D;
}

/** The layer of a unit's fixture, whose sizes follow from the shapes of its tensors and of what it makes. */
function layerOf(unit: UnitCase): Layer {
  const parameters = new ParameterSet({ seed: 0 });
  const scope = new Scope(parameters);
  const shapes = new Map(unit.state_dict.map(([key, shape]) => [key, shape]));
  const size = (prefix: string) => {
    const [outChannels, inChannels, ...kernel] = shapes.get(`${prefix}.conv.weight`)!;
    const bias = shapes.has(`${prefix}.conv.bias`);
    return { inChannels: inChannels!, outChannels: outChannels!, kernel: kernel as unknown as Vec3, bias };
  };
  const stride = unit.out.shape.slice(2).map((length, axis) => unit.x_shape[axis + 2]! / length) as unknown as Vec3;
  if (shapes.has('weight')) {
    const [inChannels, outChannels, ...kernel] = shapes.get('weight')!;
    const edges = kernel as unknown as Vec3;
    const { weight, bias } = scope.convTranspose(inChannels!, outChannels!, edges, shapes.has('bias'));
    const forward: Layer['forward'] = (x) =>
      convTranspose3d(x, weight.get(), { stride: edges, bias: bias?.get<tf.Tensor1D>() });
    return { parameters, forward };
  }
  if (shapes.has('conv1.conv.weight')) {
    const block = new Block(scope, { ...size('conv1'), stride });
    return { parameters, forward: (x) => block.forward(x) };
  }
  const layers: Unit[] = [];
  while (shapes.has(`convs.${layers.length}.conv.weight`)) {
    const prefix = `convs.${layers.length}`;
    layers.push(new Unit(scope.at(prefix), size(prefix)));
  }
  return { parameters, forward: (x) => layers.reduce((y, layer) => layer.forward(y, { slope: 0.01 }), x) };
}

withFixtures<[Fixture]>('nnU-Net’s blocks', ['resenc_unet.json'], (fixture) => {
  const formula = new Formula(fixture.seed);
  const all = Object.entries(fixture.units).filter(
    (entry): entry is [string, UnitCase] => typeof entry[1] !== 'string',
  );

  describe.each(units)('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it.each(all)('%s', async (_, unit) => {
      const { parameters, forward } = layerOf(unit);
      expect(parameters.layout).toEqual(canonical(unit.state_dict));
      loadFormula(parameters, formula, `${unit.name}.`);
      const x = channelsLast(formula.uniformArray(`${unit.name}.x`, unit.x_shape), unit.x_shape);
      const shape = unit.out.shape as Shape5;
      const g = channelsLast(formula.uniformArray(`${unit.name}.g`, shape), shape);
      const { value, gradients } = valueAndGradients(() => {
        const y = forward(x);
        return { loss: tf.sum(tf.mul(y, g)), y };
      }, [x, ...parameters.all.map(({ variable }) => variable)]);
      expect(summaryError(await channelsFirst(value.y), unit.out)).toBeLessThan(UNIT.forward);
      expect(Math.abs((await value.loss.data())[0]! - unit.loss)).toBeLessThan(1e-5 * Math.max(1, Math.abs(unit.loss)));
      expect(summaryError(await channelsFirst(gradients[0]!), unit.dx)).toBeLessThan(UNIT.gradient);
      const found = await named(parameters, gradients.slice(1));
      expect([...found.keys()].sort()).toEqual(Object.keys(unit.grads).sort());
      for (const [name, expected] of Object.entries(unit.grads))
        expect(gradientError(found.get(name)!, expected), name).toBeLessThan(UNIT.gradient);
      tf.dispose([x, g, value.loss, value.y, gradients as tf.Tensor[]]);
      parameters.dispose();
    });
  });
});

/** The weights of the outputs' means, from full resolution down. */
const lossOf = (outputs: readonly tf.Tensor5D[], weights: readonly tf.Tensor5D[]): tf.Scalar =>
  outputs.map((y, k) => tf.mul(tf.mean(tf.mul(y, weights[k]!)), 0.5 ** k)).reduce((a, b) => tf.add(a, b)) as tf.Scalar;

async function checkForward(network: ResEncUnet, x: tf.Tensor5D, item: Case, tolerance: number): Promise<void> {
  const encoder = network.encode(x);
  for (const [i, feature] of encoder.entries())
    expect(
      summaryError(await channelsFirst(feature), item.modules[`encoder.stages.${i}`]!),
      `encoder.stages.${i}`,
    ).toBeLessThan(tolerance);
  const outputs = item.config.deep_supervision ? network.logitsOfScales(x) : [network.forward(x)];
  expect(outputs).toHaveLength(item.outputs.length);
  for (const [k, output] of outputs.entries())
    expect(summaryError(await channelsFirst(output), item.outputs[k]!), `output ${k}`).toBeLessThan(tolerance);
  tf.dispose([encoder, outputs]);
}

/** See the same in `swin_unetr.test.ts`: an input of a leaky ReLU that is 0 but for rounding has either of two gradients. */
const ROUNDINGS = [0, 2e-7, -2e-7];

async function checkGradients(
  network: ResEncUnet,
  x: tf.Tensor5D,
  loss: (x: tf.Tensor5D) => tf.Scalar,
  expected: Pick<Case, 'loss' | 'grads'>,
  tolerance: number,
): Promise<void> {
  const tried: [number, string][] = [];
  for (const rounding of ROUNDINGS) {
    const near = tf.mul<tf.Tensor5D>(x, 1 + rounding);
    const variables = network.parameters.all.map(({ variable }) => variable);
    const { value, gradients } = valueAndGradients(() => ({ loss: loss(near) }), variables);
    expect(Math.abs((await value.loss.data())[0]! - expected.loss)).toBeLessThan(1e-5 * Math.max(Math.abs(expected.loss), 0.1)); // prettier-ignore
    const found = await named(network.parameters, gradients);
    tf.dispose([near, value.loss, ...gradients.filter((gradient) => gradient !== null)]);
    const wanted = Object.entries(expected.grads);
    // null: the reference computes no gradient, as of the last layers that no loss looks at.
    expect(wanted.filter(([name, gradient]) => (gradient === null) === found.has(name))).toEqual([]);
    const errors = wanted.flatMap(([name, gradient]): [number, string][] =>
      gradient ? [[gradientNormError(found.get(name)!, gradient), name]] : [],
    );
    const worst = errors.reduce((a, b) => (b[0] > a[0] ? b : a));
    tried.push(worst);
    if (worst[0] < tolerance) return;
  }
  expect.fail(`gradients differ from the reference: ${JSON.stringify(tried)}`);
}

withFixtures<[Fixture]>('nnU-Net’s residual encoder U-Net', ['resenc_unet.json'], (fixture) => {
  const formula = new Formula(fixture.seed);

  describe.each(backends)('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it.each(fixture.cases.map((item) => [item.name, item] as const))('%s', async (_, item) => {
      const section = describedSection(sectionOf(item.config)).section as ResEncSection;
      const network = new ResEncUnet(section, item.config.num_classes, { seed: 0 });
      loadFormula(network.parameters, formula);
      const layers = item.config.n_blocks_per_stage.reduce((a, b) => a + b, 0);
      const tolerance = layers > DEEP ? NETWORK : SHALLOW;
      const x = channelsLast(formula.image(`${item.name}.x`, item.x_shape), item.x_shape);
      await checkForward(network, x, item, tolerance.forward);
      const fields = item.outputs.map(({ shape }, k) => {
        const values = formula.image(`${item.name}.g${k}`, shape as Shape5);
        return channelsLast(values.map((v) => 2 * v - 1), shape); // prettier-ignore
      });
      const deep = item.config.deep_supervision;
      const whole = (input: tf.Tensor5D) => lossOf(deep ? network.logitsOfScales(input) : [network.forward(input)], fields); // prettier-ignore
      await checkGradients(network, x, whole, item, tolerance.gradient);
      if (item.grads_main && item.loss_main !== undefined) {
        const main = (input: tf.Tensor5D) => lossOf([network.forward(input)], fields);
        await checkGradients(network, x, main, { loss: item.loss_main, grads: item.grads_main }, tolerance.gradient);
      }
      tf.dispose([x, ...fields]);
      network.dispose();
    });
  });
});

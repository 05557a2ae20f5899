import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createEncoder, createSegmenter, type NetworkConfig } from '../../src/nets';
import { TrainingPass } from '../../src/nets/batchNorm';
import { networkDescriptors } from '../../src/nets/descriptors';
import { Scope } from '../../src/nets/layers';
import { ParameterSet } from '../../src/nets/parameters';
import { batchNorms, groupNorms, resBlocks, segResBlocks } from '../../src/nets/segresnet/blocks';
import type { Trunk } from '../../src/nets/described';
import type { Decoder } from '../../src/nets/segresnet/network';
import { SegResNetDecoder, SegResNetTrunk } from '../../src/nets/segresnet/segresnet';
import { SegResEncoderTrunk, SegResNetDsDecoder } from '../../src/nets/segresnet/segresnetDs';
import { disposeGradients, valueAndGradients } from '../../src/tensor/autodiff';
import { conv3d, convTranspose3d, globalAverage, upsample } from '../../src/tensor/ops';
import * as tf from '../../src/tensor/tf';
import { fromTorchLayout, toTorchLayout } from '../../src/tensor/torchLayout';
import { usableBackends, useBackend } from '../support/backends';
import { withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import {
  channelsFirst,
  channelsLast,
  gradientError,
  gradientNormError,
  summaryError,
  type GradientSummary,
  type Summary,
} from '../support/reference';

vi.setConfig({ testTimeout: 300_000 });

type Shape5 = [number, number, number, number, number];
type Listing = [string, number[]][];
type Gradients = Record<string, GradientSummary | null>;
interface Args {
  init_filters?: number;
  in_channels?: number;
  out_channels?: number;
  blocks_down?: number[];
  blocks_up?: number[];
  upsample_mode?: 'nontrainable' | 'deconv';
  dsdepth?: number;
}
interface Config {
  class: 'SegResNet' | 'SegResNetDS' | 'SegResEncoder';
  args: Args;
}
interface Network {
  config: Config;
  num_parameters: number;
  state_dict: Listing;
}
interface Case extends Network {
  name: string;
  train: boolean;
  x_shape: Shape5;
  modules: Record<string, Summary>;
  outputs: Summary[];
  loss: number;
  dx: Summary;
  grads: Gradients;
  loss_main?: number;
  grads_main?: Gradients;
  zero_gradients?: string[];
  running_after_one_step?: Record<string, number[]>;
  eval_output?: Summary;
  pooled_last?: number[][];
}
interface Unit {
  name: string;
  x_shape: Shape5;
  state_dict: Listing;
  out: Summary;
  loss: number;
  dx: Summary;
  grads: Record<string, GradientSummary>;
  buffers_after?: Record<string, number[]>;
}
interface Fixture {
  seed: number;
  full: Record<string, Network>;
  cases: Case[];
  units: Record<string, Unit | string>;
}

const FORWARD = 3e-5;
const EVALUATION = 1e-5;
const RUNNING = 1e-6;
const POOLED = 1e-4;
const GRADIENT = { sample: 1e-1, tensor: 5e-2, median: 2e-3 };
const UNIT = { forward: 1e-5, gradient: 3e-5 };
/** Of a gradient that is 0 but for rounding. */
const ZERO = 1e-5;

/** A network of the fixture in our parts. The encoder alone has no prefix there. */
interface Built {
  readonly set: ParameterSet;
  readonly trunk: Trunk;
  readonly decoder?: Decoder;
  /** Ours to theirs. */
  theirs(name: string): string;
}

function build({ class: kind, args }: Config, describeOnly = false): Built {
  const set = new ParameterSet({ seed: 0, describeOnly });
  const scope = new Scope(set);
  const blocksDown = args.blocks_down ?? [1, 2, 2, 4];
  const common = { inChannels: args.in_channels ?? 1, blocksDown, freezeStatistics: false };
  const blocksUp = args.blocks_up ?? blocksDown.slice(1).map(() => 1);
  const outChannels = args.out_channels ?? 2;
  if (kind === 'SegResNet') {
    const upsampling = args.upsample_mode === 'deconv' ? 'deconv' : 'trilinear';
    const shape = { ...common, initFilters: args.init_filters ?? 8, blocksUp, upsampling } as const;
    const trunk = new SegResNetTrunk(scope, shape);
    return { set, trunk, decoder: new SegResNetDecoder(scope, shape, outChannels), theirs: (name) => name };
  }
  const shape = { ...common, initFilters: args.init_filters ?? 32, blocksUp, dsdepth: args.dsdepth ?? 1 };
  const trunk = new SegResEncoderTrunk(scope, shape);
  if (kind === 'SegResEncoder') return { set, trunk, theirs: (name) => name.replace(/^encoder\./, '') };
  return { set, trunk, decoder: new SegResNetDsDecoder(scope, shape, outChannels), theirs: (name) => name };
}

function fill({ set, theirs }: Pick<Built, 'set' | 'theirs'>, formula: Formula): void {
  for (const { name, torchShape, variable } of set.tensors) {
    const values = fromTorchLayout(formula.parameterValue(theirs(name), torchShape), torchShape);
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
}

/** f32(2 · image − 1), channels last. */
function field(formula: Formula, name: string, shape: Shape5): tf.Tensor5D {
  return channelsLast(formula.image(name, shape).map((value) => 2 * value - 1), shape); // prettier-ignore
}

/** What our parts call the modules of the fixture. */
function modulesOf(features: tf.Tensor5D[], states: tf.Tensor5D[]): [RegExp, tf.Tensor5D[]][] {
  return [
    [/^down_layers\.(\d+)$/, features],
    [/^encoder\.layers\.(\d+)\.blocks$/, features],
    [/^up_layers\.(\d+)(\.blocks)?$/, states],
  ];
}

async function checkForward(fixture: Case, { trunk, decoder }: Built, x: tf.Tensor5D, training: boolean) {
  const run = <T>(f: () => T): T => (training ? new TrainingPass().run(f) : f());
  const tolerance = training || !fixture.eval_output ? FORWARD : EVALUATION;
  const { features, states, outputs } = run(() =>
    tf.tidy(() => {
      const features = trunk.forward(x);
      const states = decoder?.states(features) ?? [];
      return { features, states, outputs: decoder?.outputs(states) ?? features };
    }),
  );
  let seen = 0;
  for (const [name, summary] of Object.entries(fixture.modules)) {
    for (const [pattern, list] of modulesOf(features, states)) {
      const found = pattern.exec(name);
      if (!found) continue;
      expect(summaryError(await channelsFirst(list[Number(found[1])]!), summary), name).toBeLessThan(tolerance);
      seen += 1;
    }
  }
  expect(seen).toBe(decoder ? features.length + states.length : 0);
  expect(outputs).toHaveLength(fixture.outputs.length);
  for (const [i, summary] of fixture.outputs.entries())
    expect(summaryError(await channelsFirst(outputs[i]!), summary), `output ${i}`).toBeLessThan(tolerance);
  if (fixture.pooled_last) await checkPooled(outputs.at(-1)!, fixture.pooled_last);
  tf.dispose([features, states, outputs]);
}

async function checkPooled(coarsest: tf.Tensor5D, expected: number[][]): Promise<void> {
  const pooled = (await globalAverage(coarsest).data()) as Float32Array;
  const values = expected.flat();
  expect(pooled).toHaveLength(values.length);
  const scale = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  values.forEach((value, i) => expect(Math.abs(pooled[i]! - value) / scale).toBeLessThan(POOLED));
}

interface Wanted {
  readonly loss: number;
  readonly grads: Gradients;
  readonly dx?: Summary;
  readonly zero: ReadonlySet<string>;
}

/** Of the outputs, times 0.5^k each, with fields of the formula. */
async function checkGradients(built: Built, x: tf.Tensor5D, pass: TrainingPass, fields: tf.Tensor5D[], wanted: Wanted) {
  const { set, trunk, decoder, theirs } = built;
  const loss = (): tf.Scalar => {
    const features = trunk.forward(x);
    const outputs = decoder?.outputs(decoder.states(features)) ?? features;
    return tf.addN(fields.map((g, k) => tf.mul(tf.mean(tf.mul(outputs[k]!, g)), 0.5 ** k))) as tf.Scalar;
  };
  const variables = set.all.map(({ variable }) => variable);
  const { value, gradients } = valueAndGradients(() => ({ loss: pass.run(loss) }), [x, ...variables]);
  const found = (await value.loss.data())[0]!;
  expect(Math.abs(found - wanted.loss)).toBeLessThan(1e-5 * Math.max(Math.abs(wanted.loss), 0.1));
  const [dx, ...rest] = gradients;
  if (wanted.dx)
    expect(gradientNormError(await channelsFirst(dx!), wanted.dx as unknown as GradientSummary), 'dx').toBeLessThan(
      GRADIENT.tensor,
    );
  const errors: number[] = [];
  const names = set.all.map(({ name }) => theirs(name));
  expect(names).toEqual(expect.arrayContaining(Object.keys(wanted.grads)));
  if (wanted.dx) expect(names).toHaveLength(Object.keys(wanted.grads).length);
  for (const [i, { name, torchShape }] of set.all.entries()) {
    const summary = wanted.grads[theirs(name)];
    if (summary === undefined) continue;
    const gradient = rest[i] && toTorchLayout((await rest[i].data()) as Float32Array, torchShape);
    if (summary === null) {
      expect(gradient?.every((one) => one === 0) ?? true, name).toBe(true);
    } else if (wanted.zero.has(theirs(name))) {
      expect(Math.max(...gradient!.map(Math.abs)), name).toBeLessThan(ZERO);
    } else {
      expect(gradientError(gradient!, summary), name).toBeLessThan(GRADIENT.sample);
      errors.push(gradientNormError(gradient!, summary));
      expect(errors.at(-1), name).toBeLessThan(GRADIENT.tensor);
    }
  }
  expect(errors.sort((a, b) => a - b)[Math.floor(errors.length / 2)]).toBeLessThan(GRADIENT.median);
  tf.dispose(value);
  disposeGradients(gradients);
}

async function checkRunning(set: ParameterSet, expected: Record<string, number[]>): Promise<void> {
  const statistics = new Map(set.tensors.filter(({ isStatistic }) => isStatistic).map((one) => [one.name, one]));
  expect(Object.keys(expected).length).toBeGreaterThan(0);
  for (const [name, expectedValues] of Object.entries(expected)) {
    const values = await statistics.get(name)!.variable.data();
    expectedValues.forEach((value, i) =>
      expect(Math.abs(values[i]! - value), name).toBeLessThan(RUNNING * Math.max(1, Math.abs(value))),
    );
  }
  const entries = await set.stateDict();
  const counts = entries.filter(({ name }) => name.endsWith('num_batches_tracked'));
  expect(counts.map(({ data }) => data[0])).toEqual(counts.map(() => 1));
}

const backends = await usableBackends('network');
const unitBackends = await usableBackends('block');
const isUnit = (entry: [string, Unit | string]): entry is [string, Unit] => typeof entry[1] === 'object';

withFixtures<[Fixture]>('SegResNet', ['segresnet.json'], (fixture) => {
  const formula = new Formula(fixture.seed);

  it.each(Object.entries(fixture.full))('%s has the names, shapes and number of parameters of MONAI', (_, full) => {
    const { set, theirs } = build(full.config, true);
    const listing = full.state_dict.map(([name, shape]) => ({ name, shape }));
    expect(set.layout.map(({ name, shape }) => ({ name: theirs(name), shape }))).toEqual(listing);
    expect(set.count).toBe(full.num_parameters);
    // The section of a config that the names and shapes tell.
    const { stateDict } = networkDescriptors.get('segresnet');
    const section = stateDict.infer!(new Map(set.layout.map(({ name, shape }) => [name, shape])));
    const config = { name: 'segresnet', ...section } as NetworkConfig;
    const described = { seed: 0, describeOnly: true };
    const own = full.config.class === 'SegResEncoder'
        ? createEncoder(config, described)
        : createSegmenter(config, full.config.args.out_channels ?? 2, described); // prettier-ignore
    const { layout } = set;
    const heads = layout.filter(({ name }) => own.parameters.layout.every((other) => other.name !== name));
    expect(heads).toHaveLength(2 * ((full.config.args.dsdepth ?? 1) - 1));
    expect(layout.filter((one) => !heads.includes(one))).toEqual(own.parameters.layout);
    expect(set.layout.every(({ name }) => stateDict.names!.test(name))).toBe(true);
  });

  describe.each(backends)('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it.each(fixture.cases.map((item) => [item.name, item] as const))('%s', async (_, item) => {
      const built = build(item.config);
      expect(built.set.layout.map(({ name }) => built.theirs(name))).toEqual(item.state_dict.map(([name]) => name));
      expect(built.set.count).toBe(item.num_parameters);
      fill(built, formula);
      const x = channelsLast(formula.image(`${item.name}.x`, item.x_shape), item.x_shape);
      await checkForward(item, built, x, item.train);
      if (item.eval_output) {
        const { trunk, decoder } = built;
        const output = tf.tidy(() => decoder!.outputs(decoder!.states(trunk.forward(x)))[0]!);
        expect(summaryError(await channelsFirst(output), item.eval_output)).toBeLessThan(EVALUATION);
        output.dispose();
      }
      const fields = item.outputs.map(({ shape }, k) => field(formula, `${item.name}.g${k}`, shape as Shape5));
      const zero = new Set(item.zero_gradients);
      // In evaluation mode there is no training pass: one that nothing is in changes nothing.
      const pass = new TrainingPass();
      const mode = item.train ? pass : ({ run: (f: () => unknown) => f() } as TrainingPass);
      await checkGradients(built, x, mode, fields, { loss: item.loss, grads: item.grads, dx: item.dx, zero });
      if (item.grads_main) {
        const other = item.train ? new TrainingPass() : mode;
        const main = { loss: item.loss_main!, grads: item.grads_main, zero };
        await checkGradients(built, x, other, fields.slice(0, 1), main);
        if (item.train) other.dispose();
      }
      pass.apply();
      if (item.running_after_one_step) await checkRunning(built.set, item.running_after_one_step);
      tf.dispose([x, fields]);
      built.set.dispose();
    });
  });

  describe.each(unitBackends)('parts on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it.each(Object.entries(fixture.units).filter(isUnit))('%s', (kind, unit) => checkUnit(kind, unit, formula));
  });
});

/** The forward pass of a part, whose parameters have the names of the fixture. */
function unitOf(
  kind: string,
  { state_dict, x_shape }: Unit,
): { set: ParameterSet; f: (x: tf.Tensor5D) => tf.Tensor5D } {
  const set = new ParameterSet({ seed: 0 });
  const scope = new Scope(set);
  const [inChannels] = [x_shape[1]];
  const first = state_dict[0]?.[1] ?? [];
  switch (kind) {
    case 'resblock_gn': {
      const block = resBlocks(groupNorms)(scope, inChannels);
      return { set, f: (x) => block.forward(x) };
    }
    case 'segresblock_bn_train':
    case 'segresblock_bn_eval': {
      const block = segResBlocks(batchNorms({ freezeStatistics: false }))(scope, inChannels);
      return { set, f: (x) => block.forward(x) };
    }
    case 'up_trilinear':
      return { set, f: upsample };
    case 'up_deconv_k2': {
      const { weight, bias } = scope.at('deconv').convTranspose(inChannels, first[1]!, first[2]!, true);
      return { set, f: (x) => convTranspose3d(x, weight.get(), { stride: 2, bias: bias!.get<tf.Tensor1D>() }) };
    }
    case 'up_deconv_k3': {
      const { weight } = scope.at('deconv').convTranspose(inChannels, first[1]!, first[2]!);
      return { set, f: (x) => convTranspose3d(x, weight.get(), { stride: 2, padding: 1, outputPadding: 1 }) };
    }
    case 'down_conv': {
      const { weight } = scope.at('conv').convNoBias(inChannels, first[0]!, first[2]!);
      return { set, f: (x) => conv3d(x, weight.get(), { stride: 2, padding: 1 }) };
    }
    default:
      throw new Error(`the fixture has a part that no test knows: ${kind}`);
  }
}

async function checkUnit(kind: string, unit: Unit, formula: Formula): Promise<void> {
  const { set, f } = unitOf(kind, unit);
  expect(set.layout).toEqual(unit.state_dict.map(([name, shape]) => ({ name, shape })));
  fill({ set, theirs: (name) => `${unit.name}.${name}` }, formula);
  const x = channelsLast(formula.uniformArray(`${unit.name}.x`, unit.x_shape), unit.x_shape);
  const shape = unit.out.shape as Shape5;
  const g = channelsLast(formula.uniformArray(`${unit.name}.g`, shape), shape);
  const pass = new TrainingPass();
  const forward = (): tf.Tensor5D => (kind.endsWith('_train') ? pass.run(() => f(x)) : f(x));
  const variables = set.all.map(({ variable }) => variable);
  const { value, gradients } = valueAndGradients(() => {
    const y = forward();
    return { y, loss: tf.sum(tf.mul(y, g)) };
  }, [x, ...variables]);
  expect(summaryError(await channelsFirst(value.y), unit.out)).toBeLessThan(UNIT.forward);
  expect(Math.abs((await value.loss.data())[0]! - unit.loss)).toBeLessThan(
    UNIT.forward * Math.max(1, Math.abs(unit.loss)),
  );
  expect(summaryError(await channelsFirst(gradients[0]!), unit.dx), 'dx').toBeLessThan(UNIT.gradient);
  expect(set.all.map(({ name }) => name).sort()).toEqual(Object.keys(unit.grads).sort());
  for (const [i, { name, torchShape }] of set.all.entries()) {
    const values = toTorchLayout((await gradients[i + 1]!.data()) as Float32Array, torchShape);
    expect(gradientError(values, unit.grads[name]!), name).toBeLessThan(UNIT.gradient);
  }
  pass.apply();
  if (unit.buffers_after) await checkRunning(set, unit.buffers_after);
  tf.dispose([x, g, value]);
  disposeGradients(gradients);
  set.dispose();
}

import { beforeAll, describe, expect, it } from 'vitest';
import { createEncoder, createSegmenter, type NetworkConfig } from '../../src/nets';
import { SwinUnetr } from '../../src/nets/swin-unetr/swinUnetr';
import { describedSection } from '../../src/nets/descriptors';
import type { SwinSection } from '../../src/nets/swin-unetr/descriptor';
import * as tf from '../../src/tensor/tf';
import { usableBackends, useBackend } from '../support/backends';
import { nameDrawn, withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import type { GradientSummary, Summary } from '../support/reference';
import {
  channelsFirst,
  channelsLast,
  gradientNormError,
  gradientsByName,
  loadFormula,
  summaryError,
} from '../support/reference';

type Shape5 = [number, number, number, number, number];
interface Config {
  in_channels?: number;
  out_channels: number;
  feature_size: number;
  depths?: number[];
  num_heads?: number[];
  use_v2: boolean;
}
interface Fixture {
  seed: number;
  config: Config;
  input: string;
  losses: string;
  num_parameters: number;
  loss: number;
  loss_linear: number;
  logits: Summary;
  argmax_histogram: number[];
  /** Voxels that the reference's own float32 run labels otherwise. */
  argmax_f32_f64_disagreements?: number;
  hidden_states: Summary[];
  state_dict: [string, number[]][];
  grads: Record<string, GradientSummary>;
  grads_linear: Record<string, GradientSummary>;
  voco_student_to_unetr?: { shared_keys_same_shape: number; only_in_unetr: string[] };
}
interface Shapes {
  seed: number;
  config: Omit<Config, 'use_v2'>;
  input: string;
  cases: { use_v2: boolean; input_shape: Shape5; logits: Summary; hidden_states: Summary[] }[];
}

const FORWARD = 3e-5;
const GRADIENT = 2e-2;
const GRADIENT_MEDIAN = 5e-3;
/** A gradient that the reference's own float32 run misses may be missed by so many times its error. */
const OF_REFERENCE = 2.5;

type Four = [number, number, number, number];

function networkOf(config: Config): NetworkConfig {
  return {
    name: 'swin-unetr',
    featureSize: config.feature_size,
    useV2: config.use_v2,
    inChannels: config.in_channels ?? 1,
    ...(config.depths && { depths: config.depths as Four }),
    ...(config.num_heads && { heads: config.num_heads as Four }),
  };
}

const described = { seed: 0, describeOnly: true };
const FILES = { v1: 'swin_unetr_v1.json', v2: 'swin_unetr_v2.json' } as const;
const backends = await usableBackends('network');

for (const [variant, file] of Object.entries(FILES)) {
  withFixtures<[Fixture]>(`Swin-UNETR ${variant} without values`, [file], (fixture) => {
    const { config } = fixture;

    it('has the names and shapes of MONAI, in its order', () => {
      const network = createSegmenter(networkOf(config), config.out_channels, described);
      expect(network.parameters.layout).toEqual(fixture.state_dict.map(([name, shape]) => ({ name, shape })));
      expect(network.parameters.count).toBe(fixture.num_parameters);
    });

    const shared = fixture.voco_student_to_unetr;
    if (shared) it('shares the encoder with the VoCo student', () => expectSharedEncoder(config, shared));
  });
}

function expectSharedEncoder(config: Config, shared: NonNullable<Fixture['voco_student_to_unetr']>): void {
  const student = createEncoder(networkOf(config), described).parameters.layout;
  const segmenter = createSegmenter(networkOf(config), config.out_channels, described);
  const whole = new Map(segmenter.parameters.layout.map(({ name, shape }) => [name, shape]));
  const same = student.filter(({ name, shape }) => whole.get(name)?.join() === shape.join());
  expect(same).toHaveLength(shared.shared_keys_same_shape);
  const names = new Set(student.map(({ name }) => name));
  const others = [...whole.keys()].filter((name) => !names.has(name));
  expect([...others].sort()).toEqual([...shared.only_in_unetr].sort());
  const decoder = segmenter.parameters.all.filter(({ name }) => !segmenter.isEncoderParameter(name));
  expect(decoder.map(({ name }) => name)).toEqual(others);
}

function build(config: Config, formula: Formula): SwinUnetr {
  const network = new SwinUnetr(describedSection(networkOf(config)).section as SwinSection, config.out_channels, {
    seed: 0,
  });
  loadFormula(network.parameters, formula);
  return network;
}

async function checkForward(network: SwinUnetr, x: tf.Tensor5D, expected: Pick<Fixture, 'logits' | 'hidden_states'>) {
  const hidden = network.hiddenStates(x);
  for (const [i, state] of hidden.entries()) {
    expect(summaryError(await channelsFirst(state), expected.hidden_states[i]!), `state ${i}`).toBeLessThan(FORWARD);
  }
  const logits = network.decode(x, hidden);
  expect(summaryError(await channelsFirst(logits), expected.logits)).toBeLessThan(FORWARD);
  const classes = tf.tidy(() => tf.argMax(logits, 4));
  const histogram = new Array<number>(logits.shape[4]).fill(0);
  for (const label of await classes.data()) histogram[label]!++;
  tf.dispose([hidden, logits, classes]);
  return histogram;
}

/**
 * Relative changes of the input by less than two units in the last place. Where a leaky ReLU's input is as near to 0 as
 * rounding, the gradient is either of two, and at the 2³ voxels of the bottleneck one such sign moves all gradients behind
 * it by a percent (see the fixtures' README): the reference's must be found on one side.
 */
const ROUNDINGS = [0, 2e-7, -2e-7];

async function checkGradients(
  network: SwinUnetr,
  x: tf.Tensor5D,
  loss: (logits: tf.Tensor5D) => tf.Scalar,
  expected: { loss: number; grads: Record<string, GradientSummary> },
): Promise<void> {
  const tried: { worst: [number, string]; median: number }[] = [];
  for (const rounding of ROUNDINGS) {
    const near = tf.mul<tf.Tensor5D>(x, 1 + rounding);
    const { value, grads } = await gradientsByName(network.parameters, () => loss(network.forward(near)));
    near.dispose();
    expect(Math.abs(value - expected.loss)).toBeLessThan(1e-5 * Math.max(Math.abs(expected.loss), 0.1));
    expect([...grads.keys()].sort()).toEqual(Object.keys(expected.grads).sort());
    const errors = Object.entries(expected.grads)
      .map(([name, gradient]): [number, string] => {
        const allowed = Math.max(1, (OF_REFERENCE * (gradient.f32_rel_l2_err ?? 0)) / GRADIENT);
        return [gradientNormError(grads.get(name)!, gradient) / allowed, name];
      })
      .sort(([a], [b]) => a - b);
    tried.push({ worst: errors.at(-1)!, median: errors[Math.floor(errors.length / 2)]![0] });
    if (tried.at(-1)!.worst[0] < GRADIENT && tried.at(-1)!.median < GRADIENT_MEDIAN) return;
  }
  expect.fail(`gradients differ from the reference: ${JSON.stringify(tried)}`);
}

for (const [variant, file] of Object.entries(FILES)) {
  withFixtures<[Fixture]>(`Swin-UNETR ${variant}`, [file], (fixture) => {
    const formula = new Formula(fixture.seed);
    const [batch, , ...size] = fixture.logits.shape as Shape5;

    it.each(backends)('hidden states, logits and gradients on %s', async (backend) => {
      await useBackend(backend);
      const network = build(fixture.config, formula);
      const shape: Shape5 = [batch, fixture.config.in_channels ?? 1, ...size];
      const x = channelsLast(formula.image(nameDrawn('image', fixture.input), shape), shape);
      const histogram = await checkForward(network, x, fixture);
      const moved = histogram.reduce((sum, count, i) => sum + Math.abs(count - fixture.argmax_histogram[i]!), 0);
      expect(moved).toBeLessThanOrEqual(8 * Math.max(1, fixture.argmax_f32_f64_disagreements ?? 1));

      await checkGradients(network, x, (logits) => tf.mean(tf.square(logits)), fixture);
      const outShape: Shape5 = [batch, fixture.config.out_channels, ...size];
      const field = formula.image(nameDrawn('image', fixture.losses), outShape);
      const g = channelsLast(
        field.map((v) => 2 * v - 1),
        outShape,
      );
      const linear = { loss: fixture.loss_linear, grads: fixture.grads_linear };
      await checkGradients(network, x, (logits) => tf.mean(tf.mul(logits, g)), linear);
      tf.dispose([x, g]);
      network.dispose();
    });
  });
}

withFixtures<[Shapes]>('Swin-UNETR at other sizes', ['swin_unetr_shapes.json'], (fixture) => {
  const formula = new Formula(fixture.seed);
  const named = fixture.cases.map((item) => {
    return [item.use_v2 ? 'v2' : 'v1', item.input_shape.slice(2).join(' × '), item] as const;
  });

  describe.each(backends)('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it.each(named)('%s at %s', async (_variant, _size, item) => {
      const network = build({ ...fixture.config, in_channels: item.input_shape[1], use_v2: item.use_v2 }, formula);
      const x = channelsLast(formula.image(nameDrawn('image', fixture.input), item.input_shape), item.input_shape);
      await checkForward(network, x, item);
      x.dispose();
      network.dispose();
    });
  });
});

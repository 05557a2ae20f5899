import { beforeAll, describe, expect, it } from 'vitest';
import { createEncoder, createSegmenter, type NetworkConfig } from '../../src/nets';
import { SwinUnetr } from '../../src/nets/swin/swinUnetr';
import { swinOptions } from '../../src/nets/create';
import * as tf from '../../src/tensor/tf';
import { usableBackends, useBackend } from '../support/backends';
import { image } from '../support/formula';
import type { GradientSummary, Summary } from '../support/reference';
import {
  channelsFirst,
  channelsLast,
  gradientNormError,
  gradientsByName,
  loadFormula,
  readFixture,
  summaryError,
} from '../support/reference';

type Shape5 = [number, number, number, number, number];
interface Fixture {
  config: { out_channels: number; feature_size: number; use_v2: boolean };
  num_parameters: number;
  loss: number;
  loss_linear: number;
  logits: Summary;
  argmax_histogram: number[];
  hidden_states: Summary[];
  state_dict: [string, number[]][];
  grads: Record<string, GradientSummary>;
  grads_linear: Record<string, GradientSummary>;
  voco_student_to_unetr?: { shared_keys_same_shape: number; only_in_unetr: string[] };
}
interface Shapes {
  cases: { use_v2: boolean; input_shape: Shape5; logits: Summary; hidden_states: Summary[] }[];
}

const variants = { v1: readFixture<Fixture>('swin_unetr_v1.json'), v2: readFixture<Fixture>('swin_unetr_v2.json') };
const shapes = readFixture<Shapes>('swin_unetr_shapes.json');
const OUT = 14;
const FORWARD = 3e-5;
const GRADIENT = 2e-2;
const GRADIENT_MEDIAN = 5e-3;

const config = (useV2: boolean): NetworkConfig => ({ name: 'swin-unetr', featureSize: 12, useV2, inChannels: 1 });
const described = { seed: 0, describeOnly: true };
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

describe.each(['v1', 'v2'] as const)('Swin-UNETR %s without values', (variant) => {
  const fixture = variants[variant];

  it('has the names and shapes of MONAI, in its order', () => {
    const network = createSegmenter(config(variant === 'v2'), OUT, described);
    expect(network.parameters.layout).toEqual(fixture.state_dict.map(([name, shape]) => ({ name, shape })));
    expect(network.parameters.count).toBe(fixture.num_parameters);
  });
});

it('shares the encoder with the VoCo student', () => {
  const student = createEncoder(config(true), described).parameters.layout;
  const segmenter = createSegmenter(config(true), OUT, described);
  const whole = new Map(segmenter.parameters.layout.map(({ name, shape }) => [name, shape]));
  expect(student.filter(({ name, shape }) => whole.get(name)?.join() === shape.join())).toHaveLength(
    variants.v2.voco_student_to_unetr!.shared_keys_same_shape,
  );
  const names = new Set(student.map(({ name }) => name));
  const others = [...whole.keys()].filter((name) => !names.has(name));
  expect(others.sort()).toEqual([...variants.v2.voco_student_to_unetr!.only_in_unetr].sort());
  expect(segmenter.parameters.all.filter(({ name }) => !segmenter.isEncoderParameter(name)).map((p) => p.name)).toEqual(
    [...whole.keys()].filter((name) => !names.has(name)),
  );
});

function build(useV2: boolean): SwinUnetr {
  const network = new SwinUnetr(swinOptions(config(useV2)), OUT, { seed: 0 });
  loadFormula(network.parameters);
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
  const histogram = new Array<number>(OUT).fill(0);
  for (const label of await classes.data()) histogram[label]!++;
  tf.dispose([hidden, logits, classes]);
  return histogram;
}

function checkGradients(actual: Map<string, Float32Array>, expected: Record<string, GradientSummary>): void {
  expect([...actual.keys()].sort()).toEqual(Object.keys(expected).sort());
  const errors = Object.entries(expected).map(([name, gradient]) => {
    const error = gradientNormError(actual.get(name)!, gradient);
    expect(error, name).toBeLessThan(GRADIENT);
    return error;
  });
  expect(median(errors)).toBeLessThan(GRADIENT_MEDIAN);
}

describe.each(await usableBackends('network'))('Swin-UNETR on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(['v1', 'v2'] as const)('%s: hidden states, logits, gradients', async (variant) => {
    const fixture = variants[variant];
    const network = build(variant === 'v2');
    const shape: Shape5 = [1, 1, 64, 64, 64];
    const x = channelsLast(image('unetr.x', shape), shape);
    const histogram = await checkForward(network, x, fixture);
    const moved = histogram.reduce((sum, count, i) => sum + Math.abs(count - fixture.argmax_histogram[i]!), 0);
    expect(moved).toBeLessThanOrEqual(8);

    const square = await gradientsByName(network.parameters, () => tf.mean(tf.square(network.forward(x))));
    expect(Math.abs(square.value / fixture.loss - 1)).toBeLessThan(1e-5);
    checkGradients(square.grads, fixture.grads);

    const outShape: Shape5 = [1, OUT, 64, 64, 64];
    const g = channelsLast(
      image('unetr.g', outShape).map((v) => 2 * v - 1),
      outShape,
    );
    const linear = await gradientsByName(network.parameters, () => tf.mean(tf.mul(network.forward(x), g)));
    expect(Math.abs(linear.value - fixture.loss_linear)).toBeLessThan(1e-6);
    checkGradients(linear.grads, fixture.grads_linear);
    tf.dispose([x, g]);
    network.dispose();
  });

  it.each(
    shapes.cases.map((item) => [item.use_v2 ? 'v2' : 'v1', item.input_shape.slice(2).join(' × '), item] as const),
  )('%s at %s', async (_variant, _size, item) => {
    const network = build(item.use_v2);
    const x = channelsLast(image('unetr.x', item.input_shape), item.input_shape);
    await checkForward(network, x, item);
    x.dispose();
    network.dispose();
  });
});

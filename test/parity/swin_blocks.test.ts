import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ResidualBlock, UpBlock } from '../../src/nets/blocks';
import { Scope } from '../../src/nets/layers';
import { ParameterSet } from '../../src/nets/parameters';
import { PatchEmbed, SwinBlock, SwinStage, WindowAttention } from '../../src/nets/swin-unetr/blocks';
import { gatherNeighbours, padToEven, PatchMerging, type MergingMode } from '../../src/nets/swin-unetr/patchMerging';
import { toTorchLayout } from '../../src/tensor/torchLayout';
import * as tf from '../../src/tensor/tf';
import { BF16, releaseBackends, usableBackends, useBackend } from '../support/backends';
import { uniformArray } from '../support/formula';
import {
  channelsFirst,
  channelsLast,
  gradientError,
  gradientNormError,
  loadFormula,
  readFixture,
  summaryError,
} from '../support/reference';
import type { GradientSummary, Summary } from '../support/reference';

interface Case {
  name: string;
  x_shape: number[];
  state_dict: [string, number[]][];
  out: Summary;
  loss: number;
  dx: Summary;
  grads: Record<string, GradientSummary>;
}
interface Gathered {
  class: 'PatchMerging' | 'PatchMergingV2';
  x_shape: number[];
  gathered_shape: number[];
  gathered: number[];
}
interface Fixture {
  window_attention: { plain: Case; masked: Case; short: Case };
  swin_block: Record<'no_shift_8x8x8' | 'shift_8x8x8' | 'shift_8x8x4' | 'shift_4x4x4' | 'shift_7x9x10', Case>;
  basic_layer: Case;
  patch_merging: { gather_only: Gathered[] } & Record<'merging' | 'mergingv2' | 'merging_odd', Case>;
  conv_blocks: Record<'res_block_1_to_12' | 'res_block_same' | 'up_block', Case>;
  patch_embed: Case;
}

const fixture = readFixture<Fixture>('swin_blocks.json');
interface Tolerances {
  forward: number;
  gradient: number;
  /** Of gradients behind a leaky ReLU, where rounding turns signs of inputs near zero. */
  behindRelu: number;
  /** Of the loss, a sum with signs, as a part of what its terms let expect. */
  loss: number;
  error(actual: ArrayLike<number>, expected: GradientSummary): number;
}
const FLOAT32: Tolerances = { forward: 1e-5, gradient: 3e-5, behindRelu: 3e-5, loss: 1e-6, error: gradientError };
/** Operands of eight bits: single numbers of the output, and gradients by their norm. */
const ROUNDED: Tolerances = {
  forward: 4 * 2 ** -8,
  gradient: 8 * 2 ** -8,
  behindRelu: 0.15,
  loss: 2 ** -10,
  error: gradientNormError,
};
let tolerances = FLOAT32;

type Shape5 = [number, number, number, number, number];
type Forward = (x: tf.Tensor5D) => tf.Tensor5D;
interface Options {
  /** Layout of x and of the output in the fixture. */
  channels: 'first' | 'last';
  /** Shape to see x as, where the fixture has tokens. */
  tokens?: readonly number[];
  /** Relative error allowed for parameters whose gradient the reference itself cannot compute well. */
  loose?: Record<string, number>;
  /** There is a leaky ReLU in the block. */
  relu?: boolean;
}

const spec = (item: Case) => item.state_dict.map(([name, shape]) => ({ name, shape }));

/** A summary as that of a gradient, whose scale is its root mean square. */
const gradientOf = ({ shape, idx, full, values, l2 }: Summary): GradientSummary => ({
  shape,
  idx: idx ?? full!.map((_, i) => i),
  values: full ?? values!,
  l2,
});

/** Runs a block forward and backward with loss = sum(out · g) and compares with the reference. */
async function check(item: Case, build: (scope: Scope) => Forward, options: Options): Promise<void> {
  const parameters = new ParameterSet({ seed: 0 });
  const forward = build(new Scope(parameters));
  expect(parameters.layout).toEqual(spec(item));
  loadFormula(parameters, `${item.name}.`);
  const first = options.channels === 'first';
  const load = (name: string, shape: readonly number[]): tf.Tensor5D => {
    const values = uniformArray(name, shape);
    if (first) return channelsLast(values, shape);
    return tf.tensor5d(values, (options.tokens ?? shape) as Shape5);
  };
  const read = async (x: tf.Tensor) => (first ? channelsFirst(x) : ((await x.data()) as Float32Array));
  const x = load(`${item.name}.x`, item.x_shape);
  const g = load(`${item.name}.g`, item.out.shape);
  const variables = parameters.all.map((parameter) => parameter.variable as tf.Tensor);
  let y!: tf.Tensor5D;
  const loss = () => {
    y = tf.keep(forward(x));
    return tf.sum(tf.mul(y, g)) as tf.Scalar;
  };
  const { value, grads } = tf.valueAndGrads(loss)([x, ...variables]);
  expect(summaryError(await read(y), item.out)).toBeLessThanOrEqual(tolerances.forward);
  const scale = item.out.l2 * Math.sqrt(item.out.shape.reduce((a, b) => a * b, 1) / 3);
  expect(Math.abs((await value.data())[0]! - item.loss)).toBeLessThanOrEqual(tolerances.loss * scale);
  const gradient = options.relu ? tolerances.behindRelu : tolerances.gradient;
  expect(tolerances.error(await read(grads[0]!), gradientOf(item.dx))).toBeLessThanOrEqual(gradient);
  for (const [i, parameter] of parameters.all.entries()) {
    const actual = toTorchLayout((await grads[i + 1]!.data()) as Float32Array, parameter.torchShape);
    const error = tolerances.error(actual, item.grads[parameter.name]!);
    expect(error, parameter.name).toBeLessThanOrEqual(Math.max(gradient, options.loose?.[parameter.name] ?? 0));
  }
  tf.dispose([x, g, y, value, ...grads]);
  parameters.dispose();
}

afterAll(releaseBackends);

describe.each(await usableBackends('products'))('Swin-UNETR blocks on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
    tolerances = backend === BF16 ? ROUNDED : FLOAT32;
  });

  it.each([
    ['plain', [8, 7, 7, 7, 12], false],
    ['masked', [1, 14, 14, 14, 12], true],
    ['short', [2, 4, 4, 4, 12], false],
  ] as const)('window attention, %s', async (name, volume, shifted) => {
    const item = fixture.window_attention[name];
    // The reference attends to a list of windows; put the masked case's eight windows into the volume they come from.
    const place = shifted ? windowsToVolume : (x: tf.Tensor) => x as tf.Tensor5D;
    const back = shifted ? volumeToWindows : (x: tf.Tensor) => x as tf.Tensor5D;
    const build = (scope: Scope): Forward => {
      const attention = new WindowAttention(scope, 12, 3);
      return (x) => back(attention.forward(place(x), shifted));
    };
    await check(item, build, { channels: 'last', tokens: shifted ? [8, 7, 7, 7, 12] : volume });
  });

  it.each(Object.keys(fixture.swin_block).filter((name) => name !== 'note'))('Swin block, %s', async (name) => {
    const item = fixture.swin_block[name as keyof Fixture['swin_block']];
    const build = (scope: Scope): Forward => {
      const block = new SwinBlock(scope, 12, 3, !name.startsWith('no_shift'));
      return (x) => block.forward(x);
    };
    await check(item, build, { channels: 'last' });
  });

  it('a stage with patch merging', async () => {
    const build = (scope: Scope): Forward => {
      const stage = new SwinStage(scope, 12, 2, 3);
      return (x) => stage.forward(x);
    };
    await check(fixture.basic_layer, build, { channels: 'first' });
  });

  it.each(fixture.patch_merging.gather_only)('$class takes the neighbours in its order', async (item) => {
    const count = item.x_shape.reduce((a, b) => a * b, 1);
    const x = tf.tensor5d(
      Float32Array.from({ length: count }, (_, i) => i + 1),
      item.x_shape as Shape5,
    );
    const gathered = gatherNeighbours(padToEven(x), item.class === 'PatchMerging' ? 'merging' : 'mergingv2');
    expect(gathered.shape).toEqual(item.gathered_shape);
    expect(Array.from(await gathered.data())).toEqual(item.gathered);
  });

  it.each(['merging', 'mergingv2', 'merging_odd'] as const)('patch merging, %s', async (name) => {
    const mode: MergingMode = name === 'mergingv2' ? 'mergingv2' : 'merging';
    const build = (scope: Scope): Forward => {
      const merging = new PatchMerging(scope, 12, mode);
      return (x) => merging.forward(x);
    };
    await check(fixture.patch_merging[name], build, { channels: 'last' });
  });

  it.each([
    ['res_block_1_to_12', 1],
    ['res_block_same', 12],
  ] as const)('residual block, %s', async (name, inChannels) => {
    const build = (scope: Scope): Forward => {
      const block = new ResidualBlock(scope.at('layer'), inChannels, 12);
      return (x) => block.forward(x);
    };
    await check(fixture.conv_blocks[name], build, {
      channels: 'first',
      relu: true,
      loose: { 'layer.conv3.conv.weight': 1e-4 },
    });
  });

  it('up block', async () => {
    const skip = channelsLast(uniformArray('upblock.skip', [1, 12, 6, 4, 8]), [1, 12, 6, 4, 8]);
    const build = (scope: Scope): Forward => {
      const block = new UpBlock(scope.at('up'), 24, 12);
      return (x) => block.forward(x, skip);
    };
    await check(fixture.conv_blocks.up_block, build, { channels: 'first', relu: true });
  });

  it('patch embedding of odd sizes', async () => {
    const build = (scope: Scope): Forward => {
      const embed = new PatchEmbed(scope, 1, 12);
      return (x) => embed.forward(x);
    };
    await check(fixture.patch_embed, build, { channels: 'first' });
  });
});

const SHIFT = 3;

/** Eight windows [8, 7, 7, 7, C] in window order → the volume [1, 14, 14, 14, C] whose shifted windows they are. */
function windowsToVolume(x: tf.Tensor): tf.Tensor5D {
  const channels = x.shape[4]!;
  let volume: tf.Tensor = tf.reshape(x, [2, 2, 2, 7, 7, 7 * channels]);
  volume = tf.reshape(tf.transpose(volume, [0, 3, 1, 4, 2, 5]), [1, 14, 14, 14, channels]);
  return [1, 2, 3].reduce((v, axis) => roll(v, axis, SHIFT), volume) as tf.Tensor5D;
}

function volumeToWindows(x: tf.Tensor): tf.Tensor5D {
  const channels = x.shape[4]!;
  const shifted = [1, 2, 3].reduce((v, axis) => roll(v, axis, 14 - SHIFT), x);
  const split = tf.transpose(tf.reshape(shifted, [2, 7, 2, 7, 2, 7 * channels]), [0, 2, 4, 1, 3, 5]);
  return tf.reshape(split, [8, 7, 7, 7, channels]);
}

/** torch.roll by `shift` along one axis. */
function roll(x: tf.Tensor, axis: number, shift: number): tf.Tensor {
  const [head, tail] = tf.split(x, [x.shape[axis]! - shift, shift], axis);
  return tf.concat([tail!, head!], axis);
}

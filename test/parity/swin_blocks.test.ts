import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ResidualBlock, UpBlock } from '../../src/nets/blocks';
import { Scope } from '../../src/nets/layers';
import { ParameterSet } from '../../src/nets/parameters';
import { PatchEmbed, SwinBlock, SwinStage, WindowAttention } from '../../src/nets/swin-unetr/blocks';
import { gatherNeighbours, padToEven, PatchMerging, type MergingMode } from '../../src/nets/swin-unetr/patchMerging';
import { toTorchLayout } from '../../src/tensor/torchLayout';
import * as tf from '../../src/tensor/tf';
import { BF16, releaseBackends, usableBackends, useBackend } from '../support/backends';
import { nameDrawn, withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import {
  channelsFirst,
  channelsLast,
  gradientError,
  gradientNormError,
  loadFormula,
  summaryError,
} from '../support/reference';
import type { GradientSummary, Summary } from '../support/reference';
import { maskedLayout, tableWindowOf, windowOf, type Layout } from '../support/swinWindows';

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
  seed: number;
  window_attention: Record<string, Case | string> & { note: string };
  swin_block: Record<string, Case | string>;
  basic_layer: Case;
  patch_merging: { gather_only: Gathered[] } & Record<string, Case | string | Gathered[]>;
  conv_blocks: Record<string, Case | string>;
  patch_embed: Case;
}

/** The shape of a parameter of a case. */
function shapeOf(item: Case, ending: string): number[] {
  const found = item.state_dict.find(([name]) => name.endsWith(ending));
  if (!found) throw new Error(`${item.name} has no ${ending}`);
  return found[1];
}

/** Heads of a case with attention: one column of the table each. */
const headsOf = (item: Case): number => shapeOf(item, 'relative_position_bias_table')[1]!;

/** The named cases of a group, without its notes. */
function casesOf<T>(group: Record<string, T | string>): [string, T][] {
  return Object.entries(group).filter((entry): entry is [string, T] => typeof entry[1] !== 'string');
}

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
/** Where the reference's own float32 run is inexact, samples may differ by so many times its error. */
const OF_REFERENCE = 20;

type Shape5 = [number, number, number, number, number];
type Forward = (x: tf.Tensor5D) => tf.Tensor5D;
interface Options {
  /** Layout of x and of the output in the fixture. */
  channels: 'first' | 'last';
  /** Shape to see x as, where the fixture has tokens. */
  tokens?: readonly number[];
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
async function check(item: Case, formula: Formula, build: (scope: Scope) => Forward, options: Options): Promise<void> {
  const parameters = new ParameterSet({ seed: 0 });
  const forward = build(new Scope(parameters));
  expect(parameters.layout).toEqual(spec(item));
  loadFormula(parameters, formula, `${item.name}.`);
  const first = options.channels === 'first';
  const load = (name: string, shape: readonly number[]): tf.Tensor5D => {
    const values = formula.uniformArray(name, shape);
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
    const own = item.grads[parameter.name]!.f32_rel_l2_err ?? 0;
    expect(error, parameter.name).toBeLessThanOrEqual(Math.max(gradient, OF_REFERENCE * own));
  }
  tf.dispose([x, g, y, value, ...grads]);
  parameters.dispose();
}

afterAll(releaseBackends);

const backends = await usableBackends('products');

/** Runs the tests on each device, with the tolerances of its precision. */
function onEach(define: () => void): void {
  describe.each(backends)('on %s', (backend) => {
    beforeAll(async () => {
      await useBackend(backend);
      tolerances = backend === BF16 ? ROUNDED : FLOAT32;
    });
    define();
  });
}

withFixtures<[Fixture]>('attention blocks of Swin-UNETR', ['swin_blocks.json'], (fixture) => {
  const formula = new Formula(fixture.seed);

  onEach(() => {
    it.each(casesOf(fixture.window_attention))('window attention, %s', async (name, item) => {
      const [windows, tokens, channels] = item.x_shape as [number, number, number];
      // The reference attends to a list of windows; put the masked case's windows into the volume they come from.
      const masked = name === 'masked';
      const layout = maskedLayout(fixture.window_attention.note);
      const place = masked ? (x: tf.Tensor) => windowsToVolume(x, layout) : (x: tf.Tensor) => x as tf.Tensor5D;
      const back = masked ? (x: tf.Tensor) => volumeToWindows(x, layout) : (x: tf.Tensor) => x as tf.Tensor5D;
      const build = (scope: Scope): Forward => {
        const attention = new WindowAttention(
          scope,
          channels,
          headsOf(item),
          tableWindowOf(shapeOf(item, 'relative_position_bias_table')[0]!),
        );
        return (x) => back(attention.forward(place(x), masked));
      };
      await check(item, formula, build, { channels: 'last', tokens: [windows, ...windowOf(tokens), channels] });
    });

    it.each(casesOf(fixture.swin_block))('Swin block, %s', async (name, item) => {
      const build = (scope: Scope): Forward => {
        const block = new SwinBlock(scope, item.x_shape.at(-1)!, headsOf(item), !name.startsWith('no_shift'));
        return (x) => block.forward(x);
      };
      await check(item, formula, build, { channels: 'last' });
    });

    it('a stage with patch merging', async () => {
      const item = fixture.basic_layer;
      const depth = new Set(item.state_dict.map(([name]) => /^blocks\.(\d+)\./.exec(name)?.[1]).filter(Boolean)).size;
      const build = (scope: Scope): Forward => {
        const stage = new SwinStage(scope, item.x_shape[1]!, depth, headsOf(item));
        return (x) => stage.forward(x);
      };
      await check(item, formula, build, { channels: 'first' });
    });
  });
});

withFixtures<[Fixture]>('other blocks of Swin-UNETR', ['swin_blocks.json'], (fixture) => {
  const formula = new Formula(fixture.seed);
  const { gather_only: gathers, ...merging } = fixture.patch_merging;
  const { up_block: up, ...residual } = fixture.conv_blocks;

  onEach(() => {
    it.each(gathers)('$class takes the neighbours in its order', async (item) => {
      const count = item.x_shape.reduce((a, b) => a * b, 1);
      const x = tf.tensor5d(
        Float32Array.from({ length: count }, (_, i) => i + 1),
        item.x_shape as Shape5,
      );
      const gathered = gatherNeighbours(padToEven(x), item.class === 'PatchMerging' ? 'merging' : 'mergingv2');
      expect(gathered.shape).toEqual(item.gathered_shape);
      expect(Array.from(await gathered.data())).toEqual(item.gathered);
    });

    it.each(casesOf(merging as Record<string, Case | string>))('patch merging, %s', async (name, item) => {
      const mode: MergingMode = name.includes('v2') ? 'mergingv2' : 'merging';
      const build = (scope: Scope): Forward => {
        const merge = new PatchMerging(scope, item.x_shape.at(-1)!, mode);
        return (x) => merge.forward(x);
      };
      await check(item, formula, build, { channels: 'last' });
    });

    it.each(casesOf(residual))('residual block, %s', async (_, item) => {
      const build = (scope: Scope): Forward => {
        const block = new ResidualBlock(scope.at('layer'), item.x_shape[1]!, item.out.shape[1]!);
        return (x) => block.forward(x);
      };
      await check(item, formula, build, {
        channels: 'first',
        relu: true,
      });
    });

    it('up block', async () => {
      const item = up as Case & { skip: string };
      const shape = item.out.shape;
      const skip = channelsLast(formula.uniformArray(nameDrawn('uniform', item.skip), shape), shape);
      const build = (scope: Scope): Forward => {
        const block = new UpBlock(scope.at('up'), item.x_shape[1]!, shape[1]!);
        return (x) => block.forward(x, skip);
      };
      await check(item, formula, build, { channels: 'first', relu: true });
    });

    it('patch embedding of odd sizes', async () => {
      const item = fixture.patch_embed;
      const build = (scope: Scope): Forward => {
        const embed = new PatchEmbed(scope, item.x_shape[1]!, item.out.shape[1]!);
        return (x) => embed.forward(x);
      };
      await check(item, formula, build, { channels: 'first' });
    });
  });
});

/** Windows [B·n, k, k, k, C] in window order → the volumes [B, D, H, W, C] whose shifted windows they are. */
function windowsToVolume(x: tf.Tensor, { size, window: k, shift }: Layout): tf.Tensor5D {
  const channels = x.shape[4]!;
  const [d, h, w] = size.map((n) => n / k) as [number, number, number];
  const batch = x.shape[0]! / (d * h * w);
  const inner = k * channels;
  // The batch joins the first axis of windows: transposes of six axes are the most that there are.
  let volume: tf.Tensor = tf.reshape(x, [batch * d, h, w, k, k, inner]);
  volume = tf.reshape(tf.transpose(volume, [0, 3, 1, 4, 2, 5]), [batch, ...size, channels]);
  return [1, 2, 3].reduce((v, axis) => roll(v, axis, shift), volume) as tf.Tensor5D;
}

function volumeToWindows(x: tf.Tensor, { size, window: k, shift }: Layout): tf.Tensor5D {
  const channels = x.shape[4]!;
  const [d, h, w] = size.map((n) => n / k) as [number, number, number];
  const shifted = [1, 2, 3].reduce((v, axis) => roll(v, axis, size[axis - 1]! - shift), x);
  const split = tf.transpose(tf.reshape(shifted, [x.shape[0]! * d, k, h, k, w, k * channels]), [0, 2, 4, 1, 3, 5]);
  return tf.reshape(split, [x.shape[0]! * d * h * w, k, k, k, channels]);
}

/** torch.roll by `shift` along one axis. */
function roll(x: tf.Tensor, axis: number, shift: number): tf.Tensor {
  const [head, tail] = tf.split(x, [x.shape[axis]! - shift, shift], axis);
  return tf.concat([tail!, head!], axis);
}

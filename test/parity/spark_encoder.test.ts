import { beforeAll, describe, expect, it } from 'vitest';
import type { Vec3 } from '../../src/geometry';
import { ParameterSet, VisibleVoxels, visibleNorm } from '../../src/nets';
import { describedSection } from '../../src/nets/descriptors';
import { Scope } from '../../src/nets/layers';
import { Block } from '../../src/nets/resenc-unet/blocks';
import type { ResEncSection } from '../../src/nets/resenc-unet/descriptor';
import { ResEncUnet } from '../../src/nets/resenc-unet/network';
import { flatVoxels } from '../../src/pretext/crops/tensors';
import { maskedSquaredError } from '../../src/pretext/crops/losses';
import { Densify } from '../../src/pretext/spark/densify';
import { valueAndGradients } from '../../src/tensor/autodiff';
import { groupNorm } from '../../src/tensor/ops';
import * as tf from '../../src/tensor/tf';
import { fromTorchLayout, toTorchLayout } from '../../src/tensor/torchLayout';
import { usableBackends, useBackend } from '../support/backends';
import { withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import { sectionOf, type ReferenceConfig } from '../support/resenc';
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

interface Variant {
  loss: number;
  reconstruction: Summary;
  modules: Record<string, Summary>;
  grads: Record<string, GradientSummary>;
}
interface Case {
  name: string;
  config: ReferenceConfig;
  x_shape: Shape5;
  mask_shape: Vec3;
  visible: number[][];
  variants: Record<string, Variant>;
}
interface UnitCase {
  name: string;
  x_shape: Shape5;
  out: Summary;
  loss: number;
  dx: Summary;
  grads: Record<string, GradientSummary>;
}
interface Fixture {
  seed: number;
  cases: Case[];
  units_config: { mask_shape: Vec3 };
  units: { visible: number[][]; sparse_instance_norm: UnitCase; sparse_block_stride2_proj: UnitCase };
}

// The fixtures' README.
const UNIT = { forward: 1e-5, gradient: 3e-5 };
const NETWORK = { forward: 5e-5, loss: 1e-6, gradient: 1e-3 };
/** The one whose encoder sees no hidden voxel, as ours. */
const CLEAN = 'spark3d_masked_input';

/** 1 for hidden voxels of all samples, whose visible cells of a grid are listed. */
function hiddenVoxels(visible: readonly number[][], grid: Vec3, size: Vec3): Uint8Array {
  const edge = size.map((length, axis) => length / grid[axis]!);
  const voxels = size[0] * size[1] * size[2];
  const hidden = new Uint8Array(visible.length * voxels).fill(1);
  visible.forEach((cells, n) => {
    const seen = new Set(cells);
    for (let at = 0; at < voxels; at++) {
      const place = [Math.floor(at / (size[1] * size[2])), Math.floor(at / size[2]) % size[1], at % size[2]];
      const [i, j, k] = place.map((p, axis) => Math.floor(p / edge[axis]!)) as [number, number, number];
      if (seen.has((i * grid[1] + j) * grid[2] + k)) hidden[n * voxels + at] = 0;
    }
  });
  return hidden;
}

function visibleOf(visible: readonly number[][], grid: Vec3, size: Vec3): { hidden: Uint8Array; seen: VisibleVoxels } {
  const hidden = hiddenVoxels(visible, grid, size);
  return { hidden, seen: new VisibleVoxels(hidden, visible.length, size, size[0] / grid[0]) };
}

const sizeOf = (shape: readonly number[]): Vec3 => [shape[2]!, shape[3]!, shape[4]!];
const [units, backends] = [await usableBackends('block'), await usableBackends('network')];

interface Layer {
  parameters: ParameterSet;
  forward: (x: tf.Tensor5D) => tf.Tensor5D;
}

async function checkUnit(unit: UnitCase, formula: Formula, { parameters, forward }: Layer): Promise<void> {
  loadFormula(parameters, formula, `${unit.name}.`);
  const x = channelsLast(formula.uniformArray(`${unit.name}.x`, unit.x_shape), unit.x_shape);
  const shape = unit.out.shape as Shape5;
  const g = channelsLast(formula.uniformArray(`${unit.name}.g`, shape), shape);
  const { value, gradients } = valueAndGradients(() => {
    const y = forward(x);
    return { loss: tf.sum(tf.mul(y, g)), y };
  }, [x, ...parameters.all.map(({ variable }) => variable)]);
  expect(summaryError(await channelsFirst(value.y), unit.out)).toBeLessThan(UNIT.forward);
  expect(summaryError(await channelsFirst(gradients[0]!), unit.dx)).toBeLessThan(UNIT.gradient);
  for (const [i, { name, torchShape }] of parameters.all.entries()) {
    const gradient = gradients[i + 1];
    if (!unit.grads[name]) continue;
    const values = toTorchLayout((await gradient!.data()) as Float32Array, torchShape);
    expect(gradientError(values, unit.grads[name]), name).toBeLessThan(UNIT.gradient);
  }
  const known = parameters.all.flatMap(({ name }, i) => (gradients[i + 1] ? [name] : []));
  expect(Object.keys(unit.grads).filter((name) => !known.includes(name))).toEqual([]);
  tf.dispose([x, g, value.loss, value.y, ...gradients.filter((gradient) => gradient !== null)]);
}

withFixtures<[Fixture]>('SparK’s layers', ['spark_encoder.json'], ({ seed, units_config, units: all }) => {
  const formula = new Formula(seed);
  const grid = units_config.mask_shape;

  describe.each(units)('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it('norm of visible voxels', async () => {
      const unit = all.sparse_instance_norm;
      const { seen } = visibleOf(all.visible, grid, sizeOf(unit.x_shape));
      const parameters = new ParameterSet({ seed: 0 });
      const { weight, bias } = new Scope(parameters).norm(unit.x_shape[1]);
      const forward = (x: tf.Tensor5D) =>
        groupNorm(x, {
          groups: x.shape[4],
          gamma: weight.get<tf.Tensor1D>(),
          beta: bias.get<tf.Tensor1D>(),
          visible: seen.at([1, 1, 1])!,
        });
      await checkUnit(unit, formula, { parameters, forward });
    });

    it('block that halves the resolution', async () => {
      const unit = all.sparse_block_stride2_proj;
      const { seen } = visibleOf(all.visible, grid, sizeOf(unit.x_shape));
      const parameters = new ParameterSet({ seed: 0 });
      const [outChannels, inChannels, ...kernel] = unit.grads['conv1.conv.weight']!.shape;
      const stride = unit.out.shape.slice(2).map((length, axis) => unit.x_shape[axis + 2]! / length) as unknown as Vec3;
      const shape = { inChannels: inChannels!, outChannels: outChannels!, kernel: kernel as unknown as Vec3 };
      const block = new Block(new Scope(parameters), { ...shape, stride, bias: true });
      await checkUnit(unit, formula, { parameters, forward: (x) => block.forward(x, seen.at(stride)) });
    });
  });
});

/** nnssl's name of a parameter of ours. */
const theirName = (name: string): string =>
  name.replace(/^(\d+)\.conv\.(\w+)$/, 'densify_projs.$1.$2').replace(/^(\d+)\.token$/, 'mask_tokens.$1');

/** Fills the layers between encoder and decoder; a token is (1, C, 1, 1, 1) there. */
function loadDensify({ parameters }: Densify, formula: Formula): void {
  for (const parameter of parameters.all) {
    const { name, torchShape: own } = parameter;
    const shape = name.endsWith('token') ? [1, own[0]!, 1, 1, 1] : own;
    const values = fromTorchLayout(formula.parameterValue(theirName(name), shape), own);
    tf.tidy(() => parameter.variable.assign(tf.tensor(values, parameter.variable.shape)));
  }
}

async function checkGradients(
  sets: readonly ParameterSet[],
  gradients: (tf.Tensor | null)[],
  expected: Record<string, GradientSummary>,
): Promise<void> {
  const all = sets.flatMap((set) => set.all);
  const checked: string[] = [];
  for (const [i, { name, torchShape }] of all.entries()) {
    const summary = expected[theirName(name)];
    if (!summary) continue;
    const values = toTorchLayout((await gradients[i]!.data()) as Float32Array, torchShape);
    expect(gradientNormError(values, summary), name).toBeLessThan(NETWORK.gradient);
    checked.push(theirName(name));
  }
  expect(checked.sort()).toEqual(Object.keys(expected).sort());
}

withFixtures<[Fixture]>('SparK on nnU-Net’s residual encoder', ['spark_encoder.json'], (fixture) => {
  const formula = new Formula(fixture.seed);

  describe.each(backends)('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it.each(fixture.cases.map((item) => [item.name, item] as const))('%s', async (_, item) => {
      const expected = item.variants[CLEAN]!;
      const section = describedSection(sectionOf(item.config)).section as ResEncSection;
      const network = new ResEncUnet(section, item.config.num_classes, { seed: 0 });
      const densify = new Densify(network.scales, { seed: 0 });
      loadFormula(network.parameters, formula);
      loadDensify(densify, formula);
      const { hidden, seen } = visibleOf(item.visible, item.mask_shape, sizeOf(item.x_shape));
      const whole = channelsLast(formula.image(`${item.name}.x`, item.x_shape), item.x_shape);
      const asked = tf.tensor3d(Float32Array.from(hidden), [item.x_shape[0], hidden.length / item.x_shape[0], 1]);
      const x = tf.tidy(() =>
        tf.mul<tf.Tensor5D>(whole, tf.sub(1, tf.reshape(asked, [...whole.shape.slice(0, 4), 1]))),
      );

      const features = network.encodeVisible(x, seen);
      const filled = densify.fill(features, seen);
      for (const [what, tensors] of [['encoder.stages', features], ['to_decoder', filled]] as const) // prettier-ignore
        for (const [i, tensor] of tensors.entries())
          expect(summaryError(await channelsFirst(tensor), expected.modules[`${what}.${i}`]!), `${what}.${i}`).toBeLessThan(NETWORK.forward); // prettier-ignore
      const sets = [network.parameters, densify.parameters];
      const { value, gradients } = valueAndGradients(
        () => {
          const y = network.decode(densify.fill(network.encodeVisible(x, seen), seen));
          return { loss: maskedSquaredError(flatVoxels(y), flatVoxels(whole), asked), y };
        },
        sets.flatMap(({ all }) => all.map(({ variable }) => variable)),
      );
      expect(summaryError(await channelsFirst(value.y), expected.reconstruction)).toBeLessThan(NETWORK.forward);
      expect(Math.abs((await value.loss.data())[0]! / expected.loss - 1)).toBeLessThan(NETWORK.loss);
      await checkGradients(sets, gradients, expected.grads);
      tf.dispose([whole, asked, x, features, filled, value.loss, value.y, ...gradients.filter((one) => one !== null)]);
      network.dispose();
      densify.parameters.dispose();
    });
  });
});

withFixtures<[Fixture]>('SparK at stages coarser than the mask', ['spark_encoder.json'], (fixture) => {
  it('sees all there', () => {
    const { x_shape: shape, visible, mask_shape: grid } = fixture.cases[0]!;
    const { seen } = visibleOf(visible, grid, sizeOf(shape));
    const edge = shape[2] / grid[0];
    expect(seen.at([2 * edge, 2 * edge, 2 * edge])).toBeUndefined();
    const at = seen.at([edge, edge, edge])!;
    expect(Array.from(at.dataSync()).filter((one) => one === 1)).toHaveLength(visible.flat().length);
    expect(visibleNorm(tf.ones([...at.shape.slice(0, 4), 2] as Shape5), at).shape).toEqual([
      ...at.shape.slice(0, 4),
      2,
    ]);
  });
});

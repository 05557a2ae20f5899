import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createEncoder, createSegmenter, createTokenAutoencoder, estimate, estimateAutoencoder, VisibleVoxels, workBytes, type NetworkConfig, type NetworkEstimate } from '../../../src/nets'; // prettier-ignore
import { networkDescriptors } from '../../../src/nets/descriptors';
import { disposeGradients, linearize, valueAndGradients } from '../../../src/tensor/autodiff';
import type { OneDnnBackend } from '../../../src/tensor/backends/onednn';
import * as tf from '../../../src/tensor/tf';
import { fastestBackend } from '../../support/backends';
import { Formula } from '../../support/formula';
import { loadFormula } from '../../support/reference';
import { diagnose } from '../../../src/config';

vi.setConfig({ testTimeout: 120_000 });
beforeAll(fastestBackend);

type Shape5 = [number, number, number, number, number];
type Vec3 = [number, number, number];

const section = (more: object = {}) => ({
  name: 'primus' as const,
  size: null,
  embedDim: 48,
  depth: 2,
  heads: 4,
  crop: [16, 24, 32] as Vec3,
  ...more,
});
const formula = new Formula(3);
const image = (name: string, shape: Shape5): tf.Tensor5D => tf.tensor5d(formula.image(name, shape), shape);

/** Of each of two crops, the patches of 8³ that are hidden: all but every third and all but every third from the second on. */
function visibleOf(crop: Vec3, block = 8): { mask: Uint8Array; visible: VisibleVoxels } {
  const [x, y, z] = crop;
  const mask = new Uint8Array(2 * x * y * z);
  for (let n = 0, at = 0; n < 2; n++)
    for (let i = 0; i < x; i++)
      for (let j = 0; j < y; j++)
        for (let k = 0; k < z; k++, at++) {
          const place =
            (Math.floor(i / block) * (y / block) + Math.floor(j / block)) * (z / block) + Math.floor(k / block);
          mask[at] = place % 3 === n ? 0 : 1;
        }
  return { mask, visible: new VisibleVoxels(mask, 2, crop, block) };
}

function autoencoder(more: object = {}) {
  const net = createTokenAutoencoder(section(more), 1, { seed: 1 }, { seed: 2 })!;
  loadFormula(net.network.parameters, formula);
  loadFormula(net.between, formula, 'restore.');
  return net;
}

describe('the section', () => {
  const problemsOf = (network: object, method: object = { name: 'mae', crop: [16, 24, 32], block: 8 }): string[] =>
    diagnose(JSON.stringify({ kind: 'pretrain', data: { train: [{ folder: 'a' }] }, method, network }), 'f').map(
      ({ path, message }) => `${path}: ${message}`,
    );

  it('is well as it is in the tests', () => {
    expect(problemsOf(section())).toEqual([]);
  });

  it.each([
    [{ size: 'S' }, 'network.embedDim: network.size "S" says it already: set one of the two to null'],
    [{ heads: null }, 'network.heads: must be a number, since network.size is null'],
    [{ embedDim: 50 }, 'network.embedDim: must be a multiple of 6 for each of the 4 heads (24), is 50'],
    [{ patch: [8, 6, 8] }, 'network.patch[1]: must be a power of 2, is 6'],
    [{ patch: [1, 1, 1] }, 'network.patch: one voxel is no patch'],
    [{ crop: [16, 24, 30] }, 'network.crop: axes must be multiples of the patch, 8×8×8, for primus'],
    [{ crop: [8, 8, 8] }, 'network.crop: must hold more than one patch of 8×8×8 for primus'],
    [
      { crop: [32, 32, 32] },
      'network.crop: primus is built for crops of 32×32×32 (network.crop), with a learnt position for each patch, but method.crop is 16×24×32',
    ],
    [
      { patch: [16, 8, 8] },
      'method.block: cubes of 8 voxels do not hold whole patches of 16×8×8, of which primus makes tokens',
    ],
  ])('%j', (more, line) => {
    expect(problemsOf(section(more))).toContain(line);
  });

  it('of a derived size says which cubes', () => {
    const lines = problemsOf(section(), { name: 'jigsaw', crop: [68, 68, 68], gap: 4 });
    expect(lines).toContain(
      'network.crop: primus is built for crops of 16×24×32 (network.crop), with a learnt position for each patch, but the cubes of method.crop are 32×32×32',
    );
  });

  it('is read from the shapes of weights', () => {
    const { infer, names } = networkDescriptors.get('primus').stateDict;
    const shapesOf = (config: NetworkConfig) => {
      const { layout } = createSegmenter(config, 3, { seed: 0, describeOnly: true }).parameters;
      for (const { name } of layout) expect(name).toMatch(names!);
      return new Map(layout.map(({ name, shape }) => [name, shape]));
    };
    expect(infer!(shapesOf({ name: 'primus', size: 'L' }))).toEqual({
      size: 'L',
      patch: [8, 8, 8],
      innerNorm: true,
      inChannels: 1,
    });
    const odd = section({ patch: [4, 8, 2], layerScale: null, innerNorm: false, inChannels: 3 });
    expect(infer!(shapesOf(odd))).toEqual({
      size: null,
      embedDim: 48,
      depth: 2,
      patch: [4, 8, 2],
      layerScale: null,
      innerNorm: false,
      inChannels: 3,
    });
    expect(infer!(new Map([['down_projection.proj.weight', [4, 1, 8, 8, 8]]]))).toBeUndefined();
  });
});

describe('hidden patches', () => {
  it('never reach the encoder of a masked autoencoder', async () => {
    const net = autoencoder();
    const { mask, visible } = visibleOf([16, 24, 32]);
    const x = image('x', [2, 16, 24, 32, 1]);
    const values = x.dataSync();
    const other = tf.tensor5d(
      values.map((value, i) => (mask[i] ? 5 - value : value)),
      x.shape,
    );
    const seenElsewhere = tf.tensor5d(
      values.map((value, i) => (mask[i] ? value : value + 0.1)),
      x.shape,
    );
    const [a, b, c] = await Promise.all(
      [x, other, seenElsewhere].map((crops) => tf.tidy(() => net.restore(crops, visible)).data()),
    );
    expect(b).toEqual(a);
    expect(c).not.toEqual(a);
  });

  it('and its mask lie in one order: with nothing between, each visible patch comes back from itself alone', async () => {
    const net = autoencoder();
    // Branches without effect: what is left of the network is the way of each token.
    for (const { name, variable } of [...net.network.parameters.all, ...net.between.all])
      if (/gamma_[12]$|pos_embed$|mask_token$/.test(name)) variable.assign(tf.zerosLike(variable));
    const { mask, visible } = visibleOf([16, 24, 32]);
    const x = image('x', [2, 16, 24, 32, 1]);
    const values = await x.data();
    // The last visible patch of the second crop changes.
    const last = mask.lastIndexOf(0);
    const cube = (i: number): string => [Math.floor(i / 12288), Math.floor((i % 12288) / 768 / 8), Math.floor((i % 768) / 32 / 8), Math.floor((i % 32) / 8)].join(); // prettier-ignore
    const changed = tf.tensor5d(
      values.map((value, i) => (cube(i) === cube(last) ? -value : value)),
      x.shape,
    );
    const [a, b] = await Promise.all([x, changed].map((crops) => tf.tidy(() => net.restore(crops, visible)).data()));
    const moved = new Set(Array.from(a!.keys()).filter((i) => a![i] !== b![i]).map(cube)); // prettier-ignore
    expect([...moved]).toEqual([cube(last)]);
  });

  it('has a gradient for every parameter, and leaves no tensors behind', () => {
    const net = autoencoder();
    const { visible } = visibleOf([16, 24, 32]);
    const x = image('x', [2, 16, 24, 32, 1]);
    const before = tf.memory().numTensors;
    const variables = [...net.network.parameters.all, ...net.between.all].map(({ variable }) => variable);
    const { value, gradients } = valueAndGradients(
      () => ({ loss: tf.sum(tf.square(net.restore(x, visible))) }),
      variables,
    );
    const moves = (gradient: tf.Tensor): boolean => gradient.dataSync().some((number) => number !== 0);
    expect(gradients.every((gradient) => gradient !== null && moves(gradient))).toBe(true);
    tf.dispose(value);
    disposeGradients(gradients);
    expect(tf.memory().numTensors - before).toBe(0);
  });
});

describe('estimates', () => {
  const crop: Vec3 = [32, 48, 64];
  const big = section({ embedDim: 96, depth: 4, crop });
  const live = (): number => (tf.backend() as OneDnnBackend).poolStats().liveBytes;

  it('keeps what was estimated for the backward pass', () => {
    if (tf.getBackend() !== 'onednn') return;
    const network = createEncoder(big, { seed: 0 });
    const x = image('x', [1, ...crop, 1]);
    const before = live();
    const recording = linearize(() => [network.pooled(x)], network.parameters.all.map(({ variable }) => variable)); // prettier-ignore
    const kept = live() - before;
    recording.dispose();
    tf.dispose(recording.outputs);
    const ratio = kept / estimate(big, crop).trainingBytes;
    expect(Math.abs(ratio - 1)).toBeLessThan(0.1);
  });

  const whole = (out?: number) => {
    const network = out === undefined ? createEncoder(big, { seed: 0 }) : createSegmenter(big, out, { seed: 0 });
    const run = (x: tf.Tensor5D): tf.Tensor => ('pooled' in network ? network.pooled(x) : network.forward(x));
    return { parameters: network.parameters.all, run };
  };
  const ofMae = () => {
    const net = createTokenAutoencoder(big, 1, { seed: 0 }, { seed: 1 })!;
    const run = (x: tf.Tensor5D): tf.Tensor => {
      const rows = x.shape[0];
      const { mask } = visibleOf(crop);
      const one = mask.slice(0, mask.length / 2);
      return net.restore(
        x,
        new VisibleVoxels(Uint8Array.from(Array.from({ length: rows }, () => [...one]).flat()), rows, crop, 8),
      );
    };
    return { parameters: [...net.network.parameters.all, ...net.between.all], run };
  };

  it.each([
    ['encoder', () => whole(), estimate(big, crop), 0],
    ['with its decoder', () => whole(3), estimate(big, crop, 3), 3],
    ['masked autoencoder', ofMae, estimateAutoencoder(big, crop, 1, 1 / 3)!, 1],
  ] as [string, () => ReturnType<typeof whole>, NetworkEstimate, number][])(
    '%s: needs what was estimated at the peak of a backward pass',
    (_, make, foretold, out) => {
      if (tf.getBackend() !== 'onednn') return;
      const { parameters, run } = make();
      const pool = (tf.backend() as OneDnnBackend).pool;
      const peakOf = (rows: number): number => {
        const x = image('x', [rows, ...crop, 1]);
        const before = pool.read().liveBytes;
        pool.startPeak();
        const { value, gradients } = valueAndGradients(() => ({ loss: tf.sum(run(x)) }), parameters.map(({ variable }) => variable)); // prettier-ignore
        const peak = pool.read().peakLiveBytes - before;
        tf.dispose([value, x]);
        disposeGradients(gradients);
        return peak;
      };
      const perRow = foretold.trainingBytes + workBytes(foretold, 4 * crop[0] * crop[1] * crop[2] * out, 0);
      const ratio = (peakOf(2) - peakOf(1)) / perRow;
      expect(Math.abs(ratio - 1)).toBeLessThan(0.1);
    },
  );
});

import { beforeAll, describe, expect, it } from 'vitest';
import { check } from '../../../src/config/diagnose';
import type { PretrainConfig } from '../../../src/config';
import { Anatomy, type PreparedVolume } from '../../../src/data/regionMasks';
import { mapAxes, type Vec3 } from '../../../src/geometry';
import { boxOf, cleanCrop } from '../../../src/pretext/crops/sample';
import type { CropBatch } from '../../../src/pretext/crops/sampler';
import type { CropMethod } from '../../../src/pretext/crops/settings';
import { pretextTasks } from '../../../src/pretext/tasks';
import { createCropGrid, drawCentre } from '../../../src/pretext/voco/geometry';
import { RandomStream } from '../../../src/random/random';
import { useDevice } from '../../../src/tensor/backends';
import { evaluateLoss } from '../../../src/train/gradients';
import { trainingDevice } from '../../support/trainer';
import { smallTasks } from '../../support/pretextTasks';

/** Anonymisation and anatomy masks in the tasks that draw crops. */
beforeAll(async () => useDevice(await trainingDevice(), { threads: 1 }));

const SIZE: Vec3 = [40, 44, 36];
const [nx, ny, nz] = SIZE;
const affine = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
const flags = (inside: (x: number, y: number, z: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: nx * ny * nz }, (_, i) => {
    const at = [Math.floor(i / (ny * nz)), Math.floor((i % (ny * nz)) / nz), i % nz] as const;
    return inside(...at) ? 1 : 0;
  });
/** A face, and the very same marks as voxels of the image. */
const removed = flags((x, y, z) => y > 26 && z < 20 && x > 10 && (x + y) % 7 > 2);
const region = flags((x, y, z) => (x === 8 || x === 30) && y > 30 && z > 12 && z < 16);
const volume: PreparedVolume = {
  data: Float32Array.from(removed),
  shape: [1, ...SIZE],
  affine,
  anonymized: removed,
  anatomy: new Anatomy(region, SIZE),
};
const method = (augment: object): CropMethod => ({
  name: 'mae',
  crop: [16, 20, 12],
  perVolume: 1,
  augment: {
    flip: 0,
    rotate: { prob: 0, degrees: 30 },
    zoom: { prob: 0, range: [0.7, 1.4] },
    intensity: { noise: 0, blur: 0, brightness: 0, contrast: 0, lowResolution: 0, gamma: 0, biasField: 0 },
    ...augment,
  },
});

describe('an anonymisation mask', () => {
  it.each([
    ['as it is', {}],
    ['flipped', { flip: 1 }],
    ['turned by any angle', { flip: 0.5, rotate: { prob: 1, degrees: 90 } }],
    ['zoomed', { zoom: { prob: 1, range: [0.7, 1.4] } }],
  ])('moves with the crop, %s', (_, augment) => {
    let seen = 0;
    for (let number = 0; number < 12; number++) {
      const { anatomy: _anatomy, ...whole } = volume;
      const draw = { volume: whole, stream: [1, 2], number, augment: true };
      const { voxels, kept } = cleanCrop(draw, method(augment));
      const left = kept();
      expect(Array.from(left!)).toEqual(Array.from(voxels, (value) => (value > 1e-3 ? 0 : 1)));
      seen += left!.reduce((sum, value) => sum + 1 - value, 0);
    }
    expect(seen).toBeGreaterThan(100);
  });

  const restoring = ['mae', 'spark', 'simmim', 'genesis', 'rotate-restore', 'swin-ssl'] as const;
  it.each(restoring)('has no loss in %s, and no correlation', async (name) => {
    const { method: section, networks } = smallTasks[name];
    const network = networks[0]!;
    const config = check({
      kind: 'pretrain',
      data: { train: [{ folder: 'x' }], preprocess: { resize: null } },
      method: { ...section, perVolume: 1 },
      network: network === 'unet3d' ? { name: network, featureSize: 4 } : { name: network, featureSize: 12 },
    }).config as PretrainConfig;
    const task = await pretextTasks.get(name).task();
    const crop = (section.crop as Vec3).map(Number) as unknown as Vec3;
    const voxels = crop[0] * crop[1] * crop[2];
    const random = new RandomStream(5);
    const rows = name === 'swin-ssl' ? 2 : 1;
    const batch = task.trialBatch(config, rows) as CropBatch;
    const kept = Uint8Array.from({ length: rows * voxels }, () => (random.uniform() < 0.3 ? 0 : 1));
    const targets = Float32Array.from(batch.targets, () => random.normal());
    const losing = { ...batch, kept, targets };
    const model = task.build({
      config,
      cases: { train: [], validation: [] },
      totalSteps: 1,
      onWarning: () => undefined,
    });
    const scores = (changed: Partial<CropBatch>) =>
      evaluateLoss(model.loss, { ...losing, ...changed }, rows, async () => undefined);
    const before = await scores({});
    // Other faces change nothing; other tissue does.
    const faces = targets.map((value, i) => (kept[i] ? value : 1000));
    expect(await scores({ targets: faces })).toEqual(before);
    const tissue = targets.map((value, i) => (kept[i] ? value + 1 : value));
    expect((await scores({ targets: tissue })).loss).not.toBe(before.loss);
    expect((await scores({ kept: new Uint8Array(0), targets: faces })).loss!).toBeGreaterThan(before.loss! + 100);
    // Where nothing is left, nothing is asked: the loss stays finite.
    expect(Number.isFinite((await scores({ kept: new Uint8Array(rows * voxels) })).loss)).toBe(true);
    model.dispose();
  });
});

describe('an anatomy mask', () => {
  it('has crops around its voxels, all of them, as far as the volume allows', () => {
    const size: Vec3 = [8, 8, 8];
    const centres = Array.from({ length: 400 }, (_, number) => {
      const { start } = boxOf({ volume, stream: [4], number }, size);
      expect(start.every((low, axis) => low >= 0 && low + size[axis]! <= SIZE[axis]!)).toBe(true);
      return mapAxes((axis) => start[axis] + 4);
    });
    for (const [x, y, z] of centres) {
      expect(x === 8 || x === 30).toBe(true);
      // The last crops end at the border.
      expect(y > 30 && y <= 40).toBe(true);
      expect(z > 12 && z < 16).toBe(true);
    }
    expect(new Set(centres.map(([x]) => x)).size).toBe(2);
    expect(new Set(centres.map(([, , z]) => z)).size).toBe(3);
    expect(new Set(centres.map(([, y]) => y)).size).toBe(10);
  });

  it('gives each of its voxels once', () => {
    const { anatomy } = volume;
    const all = Array.from({ length: anatomy!.total }, (_, n) => anatomy!.at((n + 0.5) / anatomy!.total).join());
    expect(new Set(all).size).toBe(region.reduce((sum, value) => sum + value, 0));
    expect(
      all.every((text) => region[text.split(',').reduce((at, n, axis) => at + Number(n) * [ny * nz, nz, 1][axis]!, 0)]),
    ).toBe(true);
  });

  it('keeps VoCo’s random crops near, and inside the grid', () => {
    const grid = createCropGrid([2, 2, 1], [16, 16, 16], SIZE);
    for (let number = 0; number < 50; number++) {
      const [x, y, z] = drawCentre(grid, new RandomStream(1, number), volume.anatomy);
      // From 8 and 30, the grid allows 12 to 27; from y above 30 up to 29; z has one place.
      expect([12, 27]).toContain(x);
      expect(y).toBe(29);
      expect(z).toBe(18);
    }
  });
});

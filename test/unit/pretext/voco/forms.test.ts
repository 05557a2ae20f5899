import { describe, expect, it } from 'vitest';
import { diagnose } from '../../../../src/config';
import { check } from '../../../../src/config/diagnose';
import { baseBoxes, positionLabel } from '../../../../src/pretext/voco/geometry';
import { vocoPreview } from '../../../../src/pretext/voco/preview';
import type { VocoConfig } from '../../../../src/pretext/voco/config';
import { layGrid } from '../../../../src/pretext/voco/sampler';
import { buildModel, vocoTask } from '../../../../src/pretext/voco/task';
import { boxAround, type Vec3 } from '../../../../src/geometry';
import { sampleCrop, NO_AUGMENTATION } from '../../../../src/data/augment';
import { spatialPad, type Volume } from '../../../../src/volume';
import { useBackend } from '../../../support/backends';

/** What can be switched in VoCo: its form, its teacher, the place of its grid, changes of intensity. */
const written = (method: object, resize: Vec3 | null = [64, 64, 32]) => ({
  kind: 'pretrain',
  data: { train: [{ folder: 'x' }], preprocess: { resize } },
  method: { grid: [2, 2, 1], crop: [32, 32, 32], input: [32, 32, 32], projector: { hidden: 8, out: 4 }, ...method },
  network: { name: 'unet3d', featureSize: 4 },
  schedule: { warmupSteps: 0 },
});
const configOf = (method: object): VocoConfig => check(written(method)).config as VocoConfig;
const problems = (method: object, resize?: Vec3 | null): string[] =>
  diagnose(JSON.stringify(written(method, resize)), 'f').map(({ path, message }) => `${path}: ${message}`);

describe('the teacher', () => {
  it.each([
    ['cvpr-paper', 'objective', [], 0],
    ['cvpr-paper', 'network', ['teacher.encoder.', 'teacher.proj_head.'], 1],
    ['voco-10k', 'none', [], 0],
    ['voco-10k', 'projector', ['teacher.layer'], 0],
    ['tpami', 'network', ['teacher.encoder.', 'teacher.proj_head.'], 1],
    ['nnssl', 'objective', [], 0],
    ['softmax', 'projector', ['teacher.layer'], 0],
  ] as const)('of %s with "%s" is built and counted', async (objective, teacher, prefixes, followers) => {
    await useBackend('cpu');
    const config = configOf({ objective, teacher });
    const model = buildModel(config);
    const names = (await model.stateDict()).map(({ name }) => name).filter((name) => name.startsWith('teacher.'));
    for (const prefix of prefixes) expect(names.some((name) => name.startsWith(prefix))).toBe(true);
    expect(names.length > 0).toBe(prefixes.length > 0);
    const cost = vocoTask.cost(config);
    const numbers = (await model.stateDict()).reduce((sum, { data }) => sum + data.length, 0);
    expect(cost.followers).toBe(followers);
    expect(cost.parameters + cost.followedParameters!).toBe(numbers);
    model.dispose();
  });
});

describe('a grid that lies anywhere', () => {
  const volume = (...size: Vec3): Volume<Float32Array> => ({
    data: Float32Array.from({ length: size[0] * size[1] * size[2] }, (_, i) => 1 + (i % 97)),
    shape: [1, ...size],
    affine: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1),
  });
  const method = { grid: [2, 2, 1], crop: [16, 16, 16], gridPlace: 'random' } as const;

  it('is drawn inside larger volumes, and reaches all places', () => {
    const starts = Array.from({ length: 60 }, (_, epoch) => layGrid(volume(40, 32, 20), method, [3, epoch, 0]).origin);
    expect(new Set(starts.map(([x]) => x))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8]));
    expect(starts.every(([, y]) => y === 0)).toBe(true);
    expect(new Set(starts.map(([, , z]) => z)).size).toBe(5);
    expect(layGrid(volume(40, 32, 20), method, [3, 7, 0]).origin).toEqual(starts[7]);
    // Without a draw it lies in the middle; fixed, it must fit.
    expect(layGrid(volume(40, 32, 20), method).origin).toEqual([4, 0, 2]);
    expect(() => layGrid(volume(40, 32, 12), { ...method, gridPlace: 'centre' })).toThrow('need 16 voxels along z');
  });

  it('pads smaller volumes with zeros, and labels count the padding as any place', () => {
    const small = volume(40, 20, 12);
    const grid = layGrid(small, method, [1, 2, 3]);
    const padded = spatialPad(small, [40, 32, 16]);
    for (const { start, size } of baseBoxes(grid)) {
      const [own, same] = [new Float32Array(16 ** 3), new Float32Array(16 ** 3)];
      sampleCrop(small, start, size, size, NO_AUGMENTATION, own, 0);
      const shifted = [start[0], start[1] - grid.origin[1], start[2] - grid.origin[2]] as const;
      sampleCrop(padded, shifted, size, size, NO_AUGMENTATION, same, 0);
      expect(own).toEqual(same);
    }
    expect(grid.origin.slice(1)).toEqual([-6, -2]);
    const label = positionLabel(boxAround([grid.origin[0] + 16, 10, 6], grid.crop), grid);
    expect([...label]).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it('is previewed where it was drawn, with the changes of intensity in words', () => {
    const config = configOf({
      ...method,
      input: [16, 16, 16],
      augment: { flip: 0, rotate90: 0, shiftIntensity: { prob: 0 }, intensity: { noise: 1, gamma: 1 } },
    });
    const preview = vocoPreview.open(config, volume(40, 40, 40));
    const request = {
      choice: { kind: 'random', index: 0 },
      draw: 0,
      augment: { flip: true, rotate: true, shift: true },
    } as const;
    const first = preview.draw(request, [0, 0, 1]);
    expect(first.grid!.origin).toEqual(layGrid(volume(40, 40, 40), config.method, [0, 0, 1]).origin);
    expect(preview.draw(request, [0, 0, 2]).grid).not.toEqual(first.grid);
    expect(first.words).toMatch(/^noise of 0\.\d\d, .*gamma/);
    expect(first.goesIn[0]!.voxels).not.toEqual(first.plain);
    const plain = preview.draw({ ...request, augment: { ...request.augment, shift: false } }, [0, 0, 1]);
    expect(plain.words).toBe('not changed in this draw');
    expect(plain.goesIn[0]!.voxels).toEqual(first.plain);
    // All crops of the step lie on the grid of the draw.
    const { bases } = preview.step!(request, [0, 0, 1]);
    expect(bases[0]!.box.start).toEqual(first.grid!.origin);
  });
});

describe('bad values', () => {
  it.each([
    [{ objective: 'released' }, /^method\.objective: must be .*"softmax" or "nnssl"/],
    [{ teacher: 'yes' }, /^method\.teacher: must be .*"none"/],
    [{ teacherMomentum: 1.5 }, /^method\.teacherMomentum: must be 1 or less/],
    [{ teacherMomentum: 1 }, /^method\.teacherMomentum: .*keeps its random weights/],
    [{ temperature: 0 }, /^method\.temperature: must be (more|greater|above) .* ?0/],
    [{ regularizerWeight: -1 }, /^method\.regularizerWeight: must be 0 or more/],
    [{ randomCrops: 0 }, /^method\.randomCrops: must be 1 or more/],
    [{ gridPlace: 'left' }, /^method\.gridPlace: must be "centre" or "random"/],
    [{ projector: { norm: 'instance' } }, /^method\.projector\.norm: must be "batch" or "layer"/],
    [{ augment: { intensity: { noise: 2 } } }, /^method\.augment\.intensity\.noise: must be 1 or less/],
  ])('are told in a line: %j', (method, line) => {
    expect(problems(method).some((one) => line.test(one))).toBe(true);
  });

  it('of a rate at which embeddings were seen to collapse are warned of', () => {
    const at = (objective: string, lr: number): string =>
      diagnose(JSON.stringify({ ...written({ objective }), optimizer: { lr } }), 'f')
        .map(({ message }) => message)
        .join();
    for (const objective of ['voco-10k', 'softmax']) {
      expect(at(objective, 1e-3)).toContain(`objective ${objective} can collapse at a rate of 0.001`);
      expect(at(objective, 3e-4)).not.toContain('collapse');
    }
    for (const objective of ['cvpr-paper', 'nnssl']) expect(at(objective, 1e-3)).not.toContain('collapse');
  });

  it('of a grid that is larger than the volumes count only where it must fit', () => {
    expect(problems({}, [32, 64, 32]).join()).toContain('need 64×64×32 voxels, more than the volume');
    expect(problems({ gridPlace: 'random' }, [32, 64, 32])).toEqual([]);
    expect(problems({ teacher: 'none', teacherMomentum: 1 })).toEqual([]);
  });
});

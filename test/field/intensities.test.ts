/** Images whose intensities are not what the config's window is made for, and images that only look so. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { judgeIntensities } from '../../src/data/judge';
import { StageRunner } from '../../src/preview/stages';
import { RandomStream } from '../../src/random/random';
import { summarizeValues } from '../../src/viewer/statistics';
import { preprocess, writeNifti, type IntensitySettings, type PreprocessSettings, type Volume } from '../../src/volume';

const root = mkdtempSync(join(tmpdir(), 'voco-intensities-'));
afterAll(() => rmSync(root, { recursive: true }));

const SIDE = 40;
type Place = readonly [x: number, y: number, z: number];

/** A volume of 40³ voxels with noise of a standard deviation of about `noise`. */
function volumeOf(tissue: (at: Place) => number, noise: number, seed = 1): Volume<Float32Array> {
  const random = new RandomStream(seed);
  const data = Float32Array.from({ length: SIDE ** 3 }, (_, i) => {
    const at = [Math.floor(i / SIDE ** 2), Math.floor(i / SIDE) % SIDE, i % SIDE] as const;
    return Math.round(tissue(at) + noise * (random.uniform() + random.uniform() + random.uniform() - 1.5) * 2);
  });
  const affine = Float64Array.from([2, 0, 0, -40, 0, 2, 0, -40, 0, 0, 2, -40, 0, 0, 0, 1]);
  return { data, shape: [1, SIDE, SIDE, SIDE], affine };
}

/** Distance from the middle as a share of half the side. */
const radius = (at: Place): number => Math.hypot(...at.map((n) => (n - SIDE / 2 + 0.5) / (SIDE / 2)));

/** Air, a shell of fat, muscle, two lungs, a spine. */
function bodyPart(at: Place): number {
  const r = radius([at[0], at[1], SIDE / 2]);
  if (r > 0.85) return -1000;
  if (r > 0.72) return -105;
  if (Math.abs(at[1] - 30) < 3 && Math.abs(at[0] - 20) < 3) return 480;
  return Math.abs(at[0] - 20) > 6 && Math.abs(at[0] - 20) < 12 && at[2] > 20 ? -840 : 52;
}

const ct = volumeOf(bodyPart, 14);
const changed = (f: (hounsfield: number, i: number) => number): Volume<Float32Array> => ({
  ...ct,
  data: ct.data.map(f),
});

const window = (low: number, high: number, more: { offset?: number; rescale?: number; unwrap?: boolean } = {}) => ({
  kind: 'window' as const,
  low,
  high,
  to: [0, 1] as [number, number],
  clip: true,
  ...more,
});
const ABDOMEN = window(-175, 250);
const CHEST = window(-1000, 500);
const ZSCORE: IntensitySettings = { kind: 'zscore', nonzero: true };

const said = (volume: Volume, settings: IntensitySettings | null): string[] =>
  judgeIntensities(volume, settings).map(({ severity, message, advice }) => `${severity}: ${message}; ${advice}`);

describe('CT that is not stored in Hounsfield units', () => {
  const offset = (by: number) => new RegExp(`^error: not in Hounsfield units: air is at .*intensity.offset to ${by},`);
  it.each([
    ['1024 too high', changed((hu) => hu + 1024), offset(-1024)],
    ['1024 too high and cut at 0', changed((hu) => Math.max(0, hu + 1024)), offset(-1024)],
    ['8192 too high', changed((hu) => hu + 8192), offset(-8192)],
    ['1024 too low, after a second correction', changed((hu) => hu - 1024), offset(1024)],
    ['clipped at 0', changed((hu) => Math.max(0, hu)), /^error: .*clipped at 0.*intensity.low to 0/],
    ['wrapped in 16 bits', changed((hu) => (hu < 0 ? hu + 65536 : hu)), /^error: .*65536.*intensity.unwrap to true/],
    ['scaled to 0–1', changed((hu) => Math.min(1, Math.max(0, (hu + 1024) / 4095))), /^error: .*scaled to 0 to 1/],
    ['scaled to −1–1', changed((hu) => Math.min(1, Math.max(-1, hu / 600))), /^error: .*scaled to −1 to 1/],
    ['multiplied by 10', changed((hu) => 10 * hu), /^error: .*a CT multiplied by 10; .*intensity.rescale to 0.1,/],
    ['divided by 1000', changed((hu) => hu / 1000), /^error: .*a CT divided by 1000; .*intensity.rescale to 1000,/],
    [
      'an MR with noise below 0',
      changed((hu, i) => 3 * (hu + 1000) + 37 * (i % 11) - 200),
      /^warning: most likely not in Hounsfield units: .* lie above 2000.*for MR use/,
    ],
    [
      'scaled to 0–255',
      changed((hu) => Math.round(Math.min(255, Math.max(0, (hu + 175) * 0.6)))),
      /^error: .*scaled to 0 to 255/,
    ],
    ['constant', changed(() => 3), /^error: all voxels have the same value, 3/],
    ['without a number', changed(() => NaN), /^error: no voxel holds a number/],
  ])('%s', (_, volume, message) => {
    for (const settings of [ABDOMEN, CHEST]) expect(said(volume, settings).join()).toMatch(message);
  });

  it('in a crop without air, which a window shows white', () => {
    const liver = volumeOf(() => 105 + 1024, 12);
    expect(said(liver, ABDOMEN).join()).toMatch(/^error: 100 % of the voxels lie above the window.*offset to -1024/);
  });

  it('is trained on as it is when the config says so', () => {
    const shifted = changed((hu) => hu + 1024);
    expect(said(shifted, { ...ABDOMEN, check: false })).toEqual([]);
  });
});

describe('what is right is not complained of', () => {
  it.each([
    ['CT', ct, ABDOMEN],
    ['CT in a window of lung', ct, CHEST],
    ['CT in a window of brain', ct, window(0, 80)],
    ['CT with −2000 outside of the field of view', changed((hu, i) => (hu < -900 && i % 3 > 0 ? -2000 : hu)), ABDOMEN],
    ['CT with −3024 for all air', changed((hu) => (hu < -900 ? -3024 : hu)), ABDOMEN],
    ['CT clipped at −1024', changed((hu) => Math.max(-1024, hu)), ABDOMEN],
    ['a crop of liver', volumeOf(() => 105, 12), ABDOMEN],
    ['a crop of aorta with contrast agent', volumeOf(() => 190, 15), ABDOMEN],
    ['a crop of lung', volumeOf((at) => (at[0] < 30 ? -850 : 45), 25), CHEST],
    ['a water phantom', volumeOf((at) => (radius(at) > 0.8 ? -1000 : 0), 4), ABDOMEN],
    ['MR as z-scores', volumeOf((at) => (radius(at) > 0.8 ? 0 : 900), 60), ZSCORE],
    ['MR in a window of its own', volumeOf((at) => (radius(at) > 0.8 ? 0 : 900), 60), window(0, 1700)],
    ['MR without scaling', volumeOf((at) => (radius(at) > 0.8 ? 0 : 900), 60), null],
    [
      'PET in a window of uptake',
      volumeOf((at) => (radius(at) < 0.1 ? 14 : radius(at) < 0.7 ? 2 : 0), 0.4),
      window(0, 20),
    ],
    ['MR clipped at 65535', volumeOf((at) => (radius(at) < 0.3 ? 65535 : 900), 0), ZSCORE],
  ])('%s', (_, volume, settings) => {
    expect(said(volume, settings)).toEqual([]);
  });

  it('MR under a window of CT is, with what to set', () => {
    const mr = volumeOf((at) => (radius(at) > 0.8 ? 0 : 420), 60);
    expect(said({ ...mr, data: mr.data.map(Math.abs) }, ABDOMEN).join()).toMatch(/^(error|warning): .*"zscore"/);
  });
});

describe('the keys that mend it', () => {
  const steps = (intensity: IntensitySettings): PreprocessSettings => ({
    orientation: 'LPS',
    spacing: [3, 3, 3],
    intensity,
    foreground: { threshold: 0.3 },
    resize: null,
  });
  const right = preprocess(ct, steps(ABDOMEN)).volume;
  const int = (volume: Volume, Type: typeof Int16Array | typeof Uint16Array): Volume => ({
    ...volume,
    data: Type.from(volume.data),
  });

  it.each([
    [
      'offset',
      int(
        changed((hu) => hu + 1024),
        Int16Array,
      ),
      { offset: -1024 },
    ],
    [
      'unwrap',
      int(
        changed((hu) => (hu < 0 ? hu + 65536 : hu)),
        Uint16Array,
      ),
      { unwrap: true },
    ],
    ['unwrap of floats', changed((hu) => (hu < 0 ? hu + 65536 : hu)), { unwrap: true }],
    ['rescale and offset', changed((hu) => Math.fround((hu + 1024) / 4096)), { rescale: 4096, offset: -1024 }],
    [
      'all of them',
      int(
        changed((hu) => (2 * hu < 0 ? 2 * hu + 65536 : 2 * hu)),
        Uint16Array,
      ),
      { unwrap: true, rescale: 0.5 },
    ],
  ])('%s gives what right values give', (_, stored, keys) => {
    const settings = window(-175, 250, keys);
    expect(judgeIntensities(stored, ABDOMEN).some(({ severity }) => severity === 'error')).toBe(true);
    expect(judgeIntensities(stored, settings)).toEqual([]);
    const { volume } = preprocess(stored, steps(settings));
    expect(volume.shape).toEqual(right.shape);
    const off = Math.max(...Float32Array.from(volume.data, (value, i) => Math.abs(value - right.data[i]!)));
    expect(off).toBeLessThan(1e-5);
  });
});

describe('the preview', () => {
  it('tells before any step, and is silent once the key is set', async () => {
    const file = join(root, 'shifted.nii.gz');
    await writeNifti(file, { ...ct, data: Int16Array.from(ct.data, (hu) => hu + 1024) });
    const runner = new StageRunner();
    const at = (intensity: ReturnType<typeof window>) =>
      runner.run([file], {
        channel: 0,
        preprocess: { orientation: 'RAS', spacing: null, intensity, foreground: null, resize: null },
      });
    expect((await at(ABDOMEN)).warnings.join()).toMatch(/shifted\.nii\.gz: not in Hounsfield units.*offset to -1024/);
    expect((await at(window(-175, 250, { offset: -1024 }))).warnings).toEqual([]);
  });
});

describe('the viewer decides by the distribution of values', () => {
  const isCt = (volume: Volume, description = ''): boolean | undefined =>
    summarizeValues(volume.data as Float32Array, 1, 0, description)?.hounsfield;
  it('what is a CT', () => {
    expect(isCt(ct)).toBe(true);
    expect(isCt(changed((hu) => (hu < -900 ? -3024 : hu)))).toBe(true);
    expect(isCt(volumeOf((at) => (at[0] < 12 ? -850 : 45), 25))).toBe(true);
  });

  it('what is not', () => {
    const random = new RandomStream(9);
    const mr = volumeOf((at) => (radius(at) > 0.8 ? 0 : 2500), 300).data.map((value) => value - 200 * random.uniform());
    mr[5] = -610;
    mr[6] = 30_393;
    expect(isCt({ ...ct, data: mr })).toBe(false);
    expect(isCt(changed((hu) => hu + 1024))).toBe(false);
    expect(isCt(changed((hu) => (hu + 1024) / 4095))).toBe(false);
    expect(isCt(ct, 'TE=2.3;Time=101112.5')).toBe(false);
  });

  it('and leaves the window of CT where it would show most voxels white', () => {
    const bone = volumeOf((at) => (radius(at) > 0.95 ? -900 : 700), 60);
    expect(isCt(bone)).toBe(false);
  });
});

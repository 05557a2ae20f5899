import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import {
  describeVolume,
  formatDescription,
  preprocess,
  spacingOf,
  writeNifti,
  type PreprocessSettings,
  type Volume,
} from '../../../src/volume';
import { temporaryFolder } from './support';

const at = temporaryFolder();
const affine = Float64Array.of(-2, 0, 0, 30, 0, -2, 0, 20, 0, 0, 3, -5, 0, 0, 0, 1);
const shape = [1, 20, 22, 12] as const;

const settings: PreprocessSettings = {
  orientation: 'RAS',
  spacing: [1.5, 1.5, 1.5],
  intensity: { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true },
  foreground: { threshold: 0.3 },
  resize: [16, 16, 16],
};

/** Air with a block of tissue (label 2). */
function scan(): { image: Volume<Float32Array>; label: Volume<Uint8Array> } {
  const image = new Float32Array(20 * 22 * 12).fill(-1000);
  const label = new Uint8Array(image.length);
  for (let x = 4; x < 12; x++) {
    for (let y = 6; y < 16; y++) {
      const row = (x * 22 + y) * 12;
      image.fill(100, row + 3, row + 9);
      label.fill(2, row + 3, row + 9);
    }
  }
  return { image: { data: image, shape, affine }, label: { data: label, shape, affine } };
}

describe('preprocess', () => {
  it('goes through every step and tells so', () => {
    const { volume, box, trace } = preprocess(scan().image, settings, { trace: true });
    expect([...volume.shape]).toEqual([1, 16, 16, 16]);
    expect(volume.data).toBeInstanceOf(Float32Array);
    expect(trace!.map(({ stage }) => stage)).toEqual([
      'load',
      'orientation',
      'spacing',
      'intensity',
      'foreground',
      'resize',
    ]);
    const [load, turned, spaced, scaled, cut] = trace!;
    expect(load).toMatchObject({ orientation: 'LPS', range: [-1000, 100], spacing: [2, 2, 3] });
    expect(turned).toMatchObject({ orientation: 'RAS', shape: [1, 20, 22, 12] });
    expect(spaced!.shape).toEqual([1, 26, 29, 23]);
    expect(spaced!.spacing).toEqual([1.5, 1.5, 1.5]);
    expect(scaled!.range[0]).toBe(0);
    expect(scaled!.range[1]).toBeCloseTo(275 / 425, 6);
    expect(cut!.shape.slice(1)).toEqual(box!.size);
  });

  it('takes a label along to the same grid with its values', () => {
    const { image, label } = scan();
    const { volume, box } = preprocess(image, settings);
    const moved = preprocess(label, settings, { label: true, ...(box && { box }) }).volume;
    expect(moved.shape).toEqual(volume.shape);
    expect(Array.from(moved.affine)).toEqual(Array.from(volume.affine));
    expect(moved.data).toBeInstanceOf(Uint8Array);
    expect([...new Set(moved.data)].sort()).toEqual([2]);
  });

  it('leaves steps out that are null', () => {
    const none = { orientation: null, spacing: null, intensity: null, foreground: null, resize: null };
    const { image } = scan();
    expect(preprocess(image, none).volume).toBe(image);
  });

  it('gives NaN and infinite voxels the low end of the window, before they can spread', () => {
    const clean = scan().image;
    const dirty = { ...clean, data: Float32Array.from(clean.data) };
    dirty.data[0] = NaN;
    dirty.data[5] = Infinity;
    dirty.data[300] = -Infinity;
    const [expected, found] = [preprocess(clean, settings), preprocess(dirty, settings)];
    expect(found.volume.data).toEqual(expected.volume.data);
    const z = { ...settings, spacing: null, foreground: null, intensity: { kind: 'zscore', nonzero: false } as const };
    const normalised = preprocess(dirty, z).volume.data;
    expect(normalised.every(Number.isFinite)).toBe(true);
    expect(normalised).toEqual(preprocess(clean, z).volume.data);
  });

  it('names the file when nothing is left', () => {
    const air: Volume = { data: new Int16Array(20 * 22 * 12).fill(-1000), shape, affine };
    const run = () => preprocess(air, settings, { name: 'scans/air.nii.gz' });
    expect(run).toThrow(UserError);
    expect(run).toThrow(/^scans\/air\.nii\.gz: no voxel is above the foreground threshold 0\.3/);
    const nothing: Volume = { data: new Float32Array(20 * 22 * 12).fill(NaN), shape, affine };
    const z = { ...settings, intensity: null };
    expect(() => preprocess(nothing, z, { name: 'scans/nan.nii' })).toThrow(
      /^scans\/nan\.nii: no voxel holds a number/,
    );
    const wrong = { ...settings, orientation: 'XYZ' };
    expect(() => preprocess(air, wrong, { name: 'scans/a.nii' })).toThrow(/^scans\/a\.nii: orientation "XYZ"/);
  });
});

describe('describeVolume', () => {
  it('tells shape, spacing, orientation, type and intensities', async () => {
    const { image } = scan();
    await writeNifti(at('scan.nii.gz'), image, { datatype: 'int16', description: 'block' });
    const found = await describeVolume(at('scan.nii.gz'));
    expect(found).toMatchObject({
      format: 'NIfTI-1, gzip',
      shape: [20, 22, 12],
      channels: 1,
      spacing: [2, 2, 3],
      extent: [40, 44, 36],
      orientation: 'LPS',
      affineSource: 'sform',
      datatype: 'int16',
      nan: 0,
      infinite: 0,
      warnings: [],
    });
    const share = (8 * 10 * 6) / (20 * 22 * 12);
    expect(found.intensity).toMatchObject({ min: -1000, max: 100 });
    expect(found.intensity!.mean).toBeCloseTo(-1000 + 1100 * share, 6);
    expect(found.intensity!.std).toBeCloseTo(1100 * Math.sqrt(share * (1 - share)), 6);
    const values = new Map(found.intensity!.percentiles.map(({ percent, value }) => [percent, value]));
    expect([0.5, 50, 95, 99.5].map((percent) => values.get(percent))).toEqual([-1000, -1000, 100, 100]);
    const text = formatDescription(found);
    expect(text).toMatch(/shape +20×22×12 voxels/);
    expect(text).toMatch(/spacing +2×2×3 mm/);
    expect(text).toMatch(/orientation +LPS \(from the sform\)/);
    expect(text).toMatch(/datatype +int16; NIfTI-1, gzip/);
    expect(text).toMatch(/intensity +-1000 to 100/);
  });

  it('warns of what is odd', async () => {
    const data = new Float32Array(20 * 22 * 12).fill(NaN);
    const wide = Float64Array.from(affine);
    wide[10] = 40;
    await writeNifti(at('odd.nii'), { data, shape, affine: wide });
    const found = await describeVolume(at('odd.nii'));
    expect(found.intensity).toBeNull();
    expect(found.warnings.join('\n')).toMatch(/odd spacing: 2×2×40 mm/);
    expect(found.warnings.join('\n')).toMatch(/5280 voxels are NaN and 0 infinite/);
    expect(formatDescription(found)).toMatch(/warning +odd spacing/);
    await writeNifti(at('flat.nii'), { data: new Uint8Array(20 * 22), shape: [1, 20, 22, 1], affine });
    const flat = (await describeVolume(at('flat.nii'))).warnings.join('\n');
    expect(flat).toMatch(/a single slice/);
    expect(flat).toMatch(/all voxels have the value 0/);
    expect(spacingOf(affine)).toEqual([2, 2, 3]);
  });
});

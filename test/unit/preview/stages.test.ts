import { describe, expect, it } from 'vitest';
import type { PretrainConfig } from '../../../src/config';
import { StageRunner, type Staged } from '../../../src/preview/stages';
import { writeNifti } from '../../../src/volume';
import { temporaryFolder } from '../volume/support';

type Settings = PretrainConfig['data']['preprocess'];
const path = temporaryFolder();
const window = { kind: 'window' as const, low: -175, high: 250, to: [0, 1] as [number, number], clip: true };
const plain: Settings = {
  orientation: 'RAS',
  spacing: [2, 2, 3],
  intensity: window,
  foreground: { threshold: 0.3 },
  resize: [24, 20, 16],
};
/** One after the other, as somebody types. */
const EDITS: Partial<Settings>[] = [
  {},
  { resize: [20, 20, 12] },
  { foreground: { threshold: 0.5 } },
  { intensity: { ...window, low: -100 } },
  { intensity: { kind: 'zscore', nonzero: true } },
  { spacing: [3, 2, 3] },
  { spacing: null },
  { orientation: 'LPS' },
  { orientation: null, foreground: null },
  { resize: null },
  {},
];

/** Pictures, numbers, shapes: all that the panel gets. */
const plainly = ({ volume, range, stages, warnings }: Staged) => ({
  data: Buffer.from(volume.data.buffer, volume.data.byteOffset, volume.data.byteLength).toString('base64'),
  shape: volume.shape,
  affine: [...volume.affine],
  range,
  stages: stages.map(({ image, ...stage }) => ({ ...stage, image: [image.width, image.height, [...image.data]] })),
  warnings,
});

describe('preprocessing step by step', () => {
  for (const kind of ['int16', 'float32, not all finite'] as const) {
    it(`after each edit is what it would be from the file: ${kind}`, async () => {
      const numbers = Array.from({ length: 30 * 28 * 20 }, (_, i) => (i % 29 < 6 ? -900 : ((i * 7) % 611) - 300));
      const data = kind === 'int16' ? Int16Array.from(numbers) : Float32Array.from(numbers);
      if (kind !== 'int16') [data[40], data[9000]] = [NaN, Infinity];
      const affine = Float64Array.of(-2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1);
      const file = path(`${kind.slice(0, 5)}.nii`);
      await writeNifti(file, { data, shape: [1, 30, 28, 20], affine });
      const runner = new StageRunner();
      let settings = plain;
      for (const edit of EDITS) {
        settings = Object.keys(edit).length === 0 ? plain : { ...settings, ...edit };
        const source = { channel: 0, preprocess: settings };
        const found = plainly(await runner.run([file], source));
        expect(found).toEqual(plainly(await new StageRunner().run([file], source)));
        expect(found.warnings).toHaveLength(kind === 'int16' ? 0 : 1);
      }
    });
  }

  it('shows the steps before the intensity in its window, also when that alone was edited', async () => {
    const data = Int16Array.from({ length: 8 ** 3 }, (_, i) => (i % 8) * 50);
    const affine = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    await writeNifti(path('ramp.nii'), { data, shape: [1, 8, 8, 8], affine });
    const runner = new StageRunner();
    const grey = async (high: number): Promise<number> => {
      const preprocess = { ...plain, orientation: null, spacing: null, intensity: { ...window, low: 0, high } };
      const { stages } = await runner.run([path('ramp.nii')], { channel: 0, preprocess });
      return stages[0]!.image.data[0]!;
    };
    expect(await grey(400)).toBe(Math.round((200 / 400) * 255));
    expect(await grey(800)).toBe(Math.round((200 / 800) * 255));
  });
});

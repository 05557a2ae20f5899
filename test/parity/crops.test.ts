import { boxAround, type Vec3 } from '../../src/geometry';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_AUGMENTATION, sampleCrop } from '../../src/data/augment';
import { preprocess, readNifti, type Volume } from '../../src/volume';
import { baseBoxes, createCropGrid } from '../../src/pretext/voco/geometry';
import { withFixtures } from '../support/fixtures';
import { expectSummary, type VolumeSummary } from '../support/volumes';

interface Case {
  name: string;
  files: { image: { sha256: string } };
  pretrain_ct: {
    resize_96x96x24: { image: VolumeSummary };
    base_crops_roi24_to_16: { crops: VolumeSummary[] };
    random_crops_roi24_to_16: { centers: number[][]; crops: VolumeSummary[] };
  };
}

const settings = {
  orientation: 'RAS',
  spacing: null,
  intensity: { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true },
  foreground: { threshold: 0.3 },
  resize: [96, 96, 24],
} as const;

/** The volumes are not part of the repository: VOCO_REAL_CT names a folder that holds them, known by their checksum. */
const folder = process.env.VOCO_REAL_CT;
const files = new Map<string, string>();
if (folder && existsSync(folder))
  for (const name of readdirSync(folder).filter((entry) => /\.nii(\.gz)?$/.test(entry)))
    files.set(
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
      join(folder, name),
    );
withFixtures<[{ cases: Case[] }]>('crops of real volumes', ['transforms_real.json'], ({ cases }) => {
  const present = cases.filter((item) => files.has(item.files.image.sha256));

  it('has as many base crops as the grid', () => {
    const boxes = baseBoxes(createCropGrid([4, 4, 1], [24, 24, 24], [96, 96, 24]));
    for (const item of cases) expect(item.pretrain_ct.base_crops_roi24_to_16.crops).toHaveLength(boxes.length);
  });

  describe.each(present)('crops of $name', (item) => {
    const expected = item.pretrain_ct;
    const load = async (): Promise<Volume<Float32Array>> => {
      const { volume } = await readNifti(files.get(item.files.image.sha256)!);
      return preprocess(volume, settings).volume as Volume<Float32Array>;
    };
    const crop = (volume: Volume<Float32Array>, start: Vec3): Volume<Float32Array> => {
      const data = new Float32Array(16 ** 3);
      sampleCrop(volume, start, [24, 24, 24], [16, 16, 16], NO_AUGMENTATION, data, 0);
      return { data, shape: [1, 16, 16, 16], affine: volume.affine };
    };

    it('preprocesses as the released code', async () => {
      expectSummary(await load(), expected.resize_96x96x24.image, 1e-5);
    });

    it('cuts and resizes the base crops', async () => {
      const volume = await load();
      const boxes = baseBoxes(createCropGrid([4, 4, 1], [24, 24, 24], [96, 96, 24]));
      boxes.forEach((box, i) =>
        expectSummary(crop(volume, box.start), expected.base_crops_roi24_to_16.crops[i]!, 1e-5),
      );
    });

    it('cuts and resizes the random crops', async () => {
      const volume = await load();
      const { centers, crops } = expected.random_crops_roi24_to_16;
      centers.forEach(([x, y], i) => {
        const box = boxAround([x!, y!, 12], [24, 24, 24]);
        expectSummary(crop(volume, box.start), crops[i]!, 1e-5);
      });
    });
  });
});

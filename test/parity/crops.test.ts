import { boxAround, type Vec3 } from '../../src/geometry';
import { describe, expect, it } from 'vitest';
import { NO_AUGMENTATION, sampleCrop } from '../../src/data/augment';
import { preprocess, readVolume, type Volume } from '../../src/volume';
import { baseBoxes, createCropGrid } from '../../src/pretext/voco/geometry';
import { withFixtures } from '../support/fixtures';
import { realCases, realFiles, settingsOf, type Pretrain, type RealFixture } from '../support/realCases';
import { expectSummary } from '../support/volumes';

const files = realFiles();
const cube = (edge: number): Vec3 => [edge, edge, edge];

function boxesOf({ side, roi, from }: NonNullable<Pretrain['base']>) {
  return baseBoxes(createCropGrid([side, side, 1], cube(roi), from.size));
}

withFixtures<[RealFixture]>('crops of real volumes', ['transforms_real.json'], (fixture) => {
  const cases = realCases(fixture).flatMap((item) =>
    item.pretrain.flatMap((chain) => {
      const { base, random } = chain;
      return base && random ? [[`${item.name}, ${chain.name}`, { item, chain, base, random }] as const] : [];
    }),
  );
  const present = cases.filter(([, { item }]) => files.has(item.sha256));

  it('has as many base crops as the grid', () => {
    expect(cases.length).toBeGreaterThan(0);
    for (const [, { base }] of cases) expect(base.crops).toHaveLength(boxesOf(base).length);
  });

  describe.each(present)('crops of %s', (_, { item, chain, base, random }) => {
    const load = async (): Promise<Volume<Float32Array>> => {
      const { volume } = await readVolume(files.get(item.sha256)!);
      return preprocess(volume, settingsOf(item, chain, base.from.size)).volume as Volume<Float32Array>;
    };
    const crop = (volume: Volume<Float32Array>, start: Vec3, roi: number, out: number): Volume<Float32Array> => {
      const data = new Float32Array(out ** 3);
      sampleCrop(volume, start, cube(roi), cube(out), NO_AUGMENTATION, data, 0);
      return { data, shape: [1, out, out, out], affine: volume.affine };
    };

    it('preprocesses as the released code', async () => {
      expectSummary(await load(), base.from.image, 1e-5);
    });

    it('cuts and resizes the base crops', async () => {
      const volume = await load();
      boxesOf(base).forEach((box, i) =>
        expectSummary(crop(volume, box.start, base.roi, base.out), base.crops[i]!, 1e-5),
      );
    });

    it('cuts and resizes the random crops', async () => {
      const volume = await load();
      const { centers, crops, roi, out } = random;
      centers.forEach(([x, y], i) => {
        const box = boxAround([x, y, Math.floor(roi / 2)], cube(roi));
        expectSummary(crop(volume, box.start, roi, out), crops[i]!, 1e-5);
      });
    });
  });
});

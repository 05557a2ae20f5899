import type { Vec3 } from '../../../src/geometry';
import { describe, expect, it } from 'vitest';
import { drawAugmentation, sampleCrop } from '../../../src/data/augment';
import {
  classMask,
  countPlaces,
  cropCodes,
  drawPlace,
  encodeLabels,
  makeLabelCodes,
  oneHot,
  trainingSubset,
  codesAsSaved,
  valuesOfCodes,
} from '../../../src/data/labelled';
import { RandomStream } from '../../../src/random/random';
import { foregroundIndices, identityAffine, posNegCentre, type Volume } from '../../../src/volume';

const organs = [
  { name: 'liver', values: [6] },
  { name: 'kidneys', values: [2, 3] },
];
/** The regions of BraTS, which lie within each other. */
const regions = [
  { name: 'enhancing', values: [4] },
  { name: 'core', values: [1, 4] },
  { name: 'whole', values: [1, 2, 4] },
];

describe('label codes', () => {
  it('number the classes from 1, whatever their values', () => {
    const codes = makeLabelCodes(organs, false);
    expect(codes.channels).toBe(3);
    expect([...encodeLabels(Uint8Array.of(0, 6, 2, 3), codes, 'a.nii')]).toEqual([0, 1, 2, 2]);
    expect([...oneHot(Uint8Array.of(0, 2), codes)]).toEqual([1, 0, 0, 0, 0, 1]);
    expect([...valuesOfCodes(codes).slice(0, 4)]).toEqual([0, 6, 2, 0]);
  });

  it('hold overlapping regions as sets, and write them back as label values', () => {
    const codes = makeLabelCodes(regions, true);
    const encoded = encodeLabels(Uint8Array.of(0, 1, 2, 4), codes, 'a.nii');
    expect([...encoded]).toEqual([0, 0b110, 0b100, 0b111]);
    expect([...oneHot(encoded, codes)]).toEqual([0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1]);
    expect([...classMask(encoded, 1, codes)]).toEqual([0, 1, 0, 1]);
    expect([...encoded].map((code) => valuesOfCodes(codes)[code])).toEqual([0, 1, 2, 4]);
    // An enhancing tumour outside of the core, and a core outside of the whole, are saved as parts of both.
    expect([...codesAsSaved(Uint8Array.of(0, 0b001, 0b010, 0b101, 0b100), codes)]).toEqual([0, 7, 6, 7, 4]);
  });

  it('refuse a value of no class by file and value, or take it for background', () => {
    const labels = Uint8Array.of(0, 6, 9);
    expect(() => encodeLabels(labels, makeLabelCodes(organs, false), 'label.nii')).toThrow(
      /^label\.nii: has the label 9, .*values: 2, 3, 6/,
    );
    expect([...encodeLabels(labels, makeLabelCodes(organs, false, { unlisted: 'background' }), 'label.nii')]).toEqual([
      0, 1, 0,
    ]);
  });
});

function randomVolume(shape: Vec3, seed: number) {
  const random = new RandomStream(seed);
  const voxels = shape[0] * shape[1] * shape[2];
  const data = Float32Array.from({ length: voxels }, () => random.range(-1, 1));
  const codes = Uint8Array.from({ length: voxels }, () => (random.uniform() < 0.1 ? random.integer(1, 3) : 0));
  return { image: { data, shape: [1, ...shape], affine: identityAffine() } as Volume<Float32Array>, codes };
}

describe('places of crops', () => {
  it('are those of the lists of all voxels, which parity tests compare with MONAI', () => {
    const { image, codes } = randomVolume([11, 9, 7], 1);
    const label: Volume = { ...image, data: codes };
    const indices = foregroundIndices(label, image, 0);
    const places = countPlaces(image, codes);
    expect([places.foregroundTotal, places.backgroundTotal]).toEqual([
      indices.foreground.length,
      indices.background.length,
    ]);
    const random = new RandomStream(2);
    for (let i = 0; i < 200; i++) {
      const draw = { kind: random.uniform(), pick: random.uniform() };
      const expected = posNegCentre(indices, draw, { pos: 3, neg: 1 }, [4, 4, 3], [11, 9, 7]);
      expect(drawPlace(image, codes, places, draw, { positive: 3, negative: 1 }, [4, 4, 3], 'a')).toEqual(expected);
    }
  });

  it('of one kind are taken when the other is absent, and none is an error that names the image', () => {
    const { image } = randomVolume([6, 6, 6], 3);
    const none = new Uint8Array(216);
    const draw = { kind: 0, pick: 0.999 };
    const centre = drawPlace(image, none, countPlaces(image, none), draw, { positive: 1, negative: 1 }, [2, 2, 2], 'a');
    expect(image.data[(centre[0] * 6 + centre[1]) * 6 + centre[2]]).toBeGreaterThan(0);
    const dark = { ...image, data: new Float32Array(216) };
    const places = countPlaces(dark, none);
    expect(() => drawPlace(dark, none, places, draw, { positive: 1, negative: 1 }, [2, 2, 2], 'ct.nii')).toThrow(
      /^ct\.nii: neither/,
    );
  });
});

describe('crops of labels', () => {
  it('are flipped and turned as the crops of their image', () => {
    const { image, codes } = randomVolume([9, 9, 9], 4);
    const same = { ...image, data: Float32Array.from(codes) };
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const settings = { flip: 0.5, rotate90: 0.8, shiftIntensity: { prob: 0, offset: 0 } };
      const turn = drawAugmentation(new RandomStream(5, i), settings, true);
      seen.add(JSON.stringify(turn));
      const [asImage, asLabel] = [new Float32Array(125), new Uint8Array(125)];
      sampleCrop(same, [1, 3, 2], [5, 5, 5], [5, 5, 5], turn, asImage, 0);
      cropCodes(codes, [9, 9, 9], [1, 3, 2], [5, 5, 5], turn, asLabel, 0);
      expect([...asLabel]).toEqual([...asImage]);
    }
    expect(seen.size).toBeGreaterThan(15);
  });
});

describe('label-efficiency subsets', () => {
  const cases = Array.from({ length: 20 }, (_, i) => ({ id: `case${i}`, image: `${i}.nii`, source: 's' }));
  const ids = (amount: { fraction: number | null; cases: number | null }, seed: number) =>
    trainingSubset(cases, amount, seed).map(({ id }) => id);

  it('are seeded and nested', () => {
    const four = ids({ fraction: null, cases: 4 }, 1);
    const eight = ids({ fraction: 0.4, cases: null }, 1);
    expect([four.length, eight.length]).toEqual([4, 8]);
    expect(eight).toEqual(expect.arrayContaining(four));
    expect(ids({ fraction: null, cases: 4 }, 2)).not.toEqual(four);
    expect(ids({ fraction: 0.001, cases: null }, 1)).toHaveLength(1);
    expect(ids({ fraction: null, cases: null }, 1)).toHaveLength(20);
  });

  it('refuse more cases than there are', () => {
    expect(() => ids({ fraction: null, cases: 21 }, 1)).toThrow(/data\.cases: 21 .*only 20/);
  });
});

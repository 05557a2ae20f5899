import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countLabels, phantomCase, type PhantomCase } from '../../../src/data/phantom/case';
import { makePhantom } from '../../../src/data/phantom/dataset';
import { resolveSources } from '../../../src/data/datalist/sources';
import { BTCV_LABELS } from '../../../src/labels/organs';
import { UsageError } from '../../../src/errors/userError';
import { axisCodes, readVolume, spacingOf } from '../../../src/volume';

const SIZE = [80, 80, 32] as const;
const SPACING = [4.8, 4.8, 10] as const;

/** Millilitres that each organ may plausibly have (adult, wide). */
const PLAUSIBLE: Record<string, [number, number]> = {
  spleen: [50, 450],
  'right kidney': [60, 300],
  'left kidney': [60, 300],
  gallbladder: [4, 90],
  oesophagus: [5, 60],
  liver: [800, 2300],
  stomach: [80, 600],
  aorta: [25, 160],
  'inferior vena cava': [20, 150],
  'portal and splenic veins': [6, 60],
  pancreas: [25, 130],
  'right adrenal gland': [1, 12],
  'left adrenal gland': [1, 12],
};

function meanOf(item: PhantomCase, label: number): number {
  let sum = 0;
  let count = 0;
  item.label.data.forEach((value, i) => {
    if (value !== label) return;
    sum += item.image.data[i]!;
    count++;
  });
  return sum / count;
}

/** Centre of an organ in millimetres, relative to the middle of the volume, x to the right, y front, z head. */
function centreOf(item: PhantomCase, label: number): number[] {
  const [, nx, ny, nz] = item.label.shape;
  const sum = [0, 0, 0];
  let count = 0;
  for (let i = 0, at = 0; i < nx; i++)
    for (let j = 0; j < ny; j++)
      for (let k = 0; k < nz; k++, at++) {
        if (item.label.data[at] !== label) continue;
        [i - nx / 2, j - ny / 2, k - nz / 2].forEach((v, axis) => (sum[axis]! += v * item.label.affine[5 * axis]!));
        count++;
      }
  return sum.map((v) => v / count);
}

describe('phantom cases', () => {
  const cases: PhantomCase[] = [];
  beforeAll(() => {
    for (let i = 0; i < 6; i++) cases.push(phantomCase(3, i, SIZE, SPACING));
  });

  it('hold all 13 organs at plausible volumes', () => {
    const millilitres = (SPACING[0] * SPACING[1] * SPACING[2]) / 1000;
    for (const item of cases)
      countLabels(item.label.data).forEach((count, label) => {
        if (label === 0) return;
        const [low, high] = PLAUSIBLE[BTCV_LABELS[label]!]!;
        expect(count * millilitres, BTCV_LABELS[label]).toBeGreaterThan(low);
        expect(count * millilitres, BTCV_LABELS[label]).toBeLessThan(high);
      });
  });

  it('have the organs on their sides', () => {
    for (const item of cases) {
      const [spleen, right, left, liver, adrenal] = [1, 2, 3, 6, 12].map((label) => centreOf(item, label));
      expect(liver![0]).toBeGreaterThan(25);
      expect(spleen![0]).toBeLessThan(-50);
      expect(right![0]).toBeGreaterThan(30);
      expect(left![0]).toBeLessThan(-30);
      expect(adrenal![2]).toBeGreaterThan(right![2]!);
      expect(centreOf(item, 4)[1]).toBeGreaterThan(centreOf(item, 8)[1]!);
    }
  });

  it('have plausible Hounsfield units', () => {
    for (const item of cases) {
      expect(meanOf(item, 6)).toBeGreaterThan(50);
      expect(meanOf(item, 6)).toBeLessThan(140);
      expect(meanOf(item, 8)).toBeGreaterThan(100);
      expect(meanOf(item, 8)).toBeLessThan(300);
      expect(meanOf(item, 2)).toBeGreaterThan(meanOf(item, 6));
      const sorted = Int16Array.from(item.image.data).sort();
      expect(sorted[0]).toBeGreaterThanOrEqual(-1024);
      expect(sorted[Math.floor(0.1 * sorted.length)]).toBeLessThan(-900);
      expect(sorted.at(-1)).toBeGreaterThan(300);
    }
  });

  it('differ from one another, and repeat for the same seed', () => {
    const again = phantomCase(3, 2, SIZE, SPACING);
    expect(Buffer.compare(Buffer.from(again.image.data.buffer), Buffer.from(cases[2]!.image.data.buffer))).toBe(0);
    expect(again.image.affine).toEqual(cases[2]!.image.affine);
    const livers = cases.map((item) => centreOf(item, 6)[2]!);
    expect(Math.max(...livers) - Math.min(...livers)).toBeGreaterThan(8);
    expect(new Set(cases.map((item) => axisCodes(item.image.affine))).size).toBeGreaterThan(1);
  });

  it('refuses grids too coarse for the organs', () => {
    expect(() => phantomCase(0, 0, [16, 16, 16], [6, 6, 6])).toThrow(UsageError);
  });
});

describe('phantom data set', () => {
  const out = mkdtempSync(join(tmpdir(), 'voco-phantom-'));
  afterAll(() => rmSync(out, { recursive: true }));

  it('has the layout of BTCV, readable by the datalist reader', async () => {
    const progress: string[] = [];
    const { datalist: file } = await makePhantom({
      out,
      cases: 3,
      size: SIZE,
      validation: 1,
      onProgress: (done, total) => progress.push(`${done}/${total}`),
    });
    expect(progress).toEqual(['1/3', '2/3', '3/3']);
    const content = JSON.parse(readFileSync(file, 'utf8')) as { labels: Record<string, string>; numTraining: number };
    expect(Object.keys(content.labels)).toHaveLength(14);
    expect(content.numTraining).toBe(2);
    const [training, validation] = await Promise.all(
      ['training', 'validation'].map((key) => resolveSources([{ datalist: file, key }], out, { labels: true })),
    );
    expect(training!.map((item) => item.id)).toEqual(['img0001', 'img0002']);
    expect(validation!.map((item) => item.id)).toEqual(['img0003']);
    const image = await readVolume(training![0]!.image as string);
    const label = await readVolume(training![0]!.label!);
    expect(image.volume.shape).toEqual([1, ...SIZE]);
    expect(image.volume.data).toBeInstanceOf(Int16Array);
    expect(label.volume.data).toBeInstanceOf(Uint8Array);
    expect([...image.volume.affine]).toEqual([...label.volume.affine]);
    expect(spacingOf(image.volume.affine).map((mm) => Math.round(mm * 100) / 100)).toEqual([4.8, 4.8, 10]);
    expect(Math.hypot(...[3, 7, 11].map((at) => image.volume.affine[at]!))).toBeGreaterThan(100);
  });

  it('refuses wrong numbers', async () => {
    await expect(makePhantom({ out, cases: 0 })).rejects.toThrow(/0 cases/);
    await expect(makePhantom({ out, cases: 1, size: [8, 8, 8] })).rejects.toThrow(/size 8,8,8/);
    await expect(makePhantom({ out, cases: 2, validation: 2 })).rejects.toThrow(/leave none for training/);
  });
});

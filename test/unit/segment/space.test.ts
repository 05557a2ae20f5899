import type { Vec3 } from '../../../src/geometry';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { presetConfig } from '../../../src/config';
import { makeLabelCodes } from '../../../src/data/labelled';
import type { Segmenter } from '../../../src/nets';
import * as tf from '../../../src/tensor/tf';
import { segmentImage, writeSegmentation, type TrainedSegmenter } from '../../../src/segment/segmenter';
import { applyAffine, composeAffine, readVolume, writeNifti, type Affine, type Volume } from '../../../src/volume';
import { useBackend } from '../../support/backends';

const folder = mkdtempSync(join(tmpdir(), 'voco-space-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => useBackend('cpu'));

/** Millimetres: an organ off the middle of a body, no two of its half axes alike, so that no flip or swap goes unseen. */
const ORGAN = { centre: [6, -5, 4], radii: [19, 13, 16] } as const;
const BODY = { centre: [0, 0, 0], radii: [34, 28, 36] } as const;
const ORGAN_VALUE = 7;

const inside = (point: Vec3, { centre, radii }: { centre: Vec3; radii: Vec3 }): boolean =>
  point.reduce((sum, value, k) => sum + ((value - centre[k]!) / radii[k]!) ** 2, 0) <= 1;

function turn(axis: 0 | 1 | 2, angle: number): Affine {
  const matrix = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
  const [a, b] = [(axis + 1) % 3, (axis + 2) % 3];
  matrix[5 * a] = matrix[5 * b] = Math.cos(angle);
  matrix[4 * b + a] = Math.sin(angle);
  matrix[4 * a + b] = -Math.sin(angle);
  return matrix;
}

/** A grid whose middle is the origin; `spacing` is negative along axes that run the other way. */
function grid(size: Vec3, spacing: Vec3, order: Vec3 = [0, 1, 2]): { size: Vec3; affine: Affine } {
  const affine = new Float64Array(16);
  affine[15] = 1;
  order.forEach((row, axis) => {
    affine[4 * row + axis] = spacing[axis]!;
    affine[4 * row + 3] = (-spacing[axis]! * (size[axis]! - 1)) / 2;
  });
  return { size, affine };
}

const turned = ({ size, affine }: ReturnType<typeof grid>) => ({
  size,
  affine: composeAffine(composeAffine(turn(2, 0.45), turn(0, -0.3)), affine),
});

/** The body on a grid: Hounsfield units, and where the organ is by the voxels' world coordinates. */
function paint({ size, affine }: ReturnType<typeof grid>): { image: Volume<Int16Array>; truth: Uint8Array } {
  const voxels = size[0] * size[1] * size[2];
  const [data, truth] = [new Int16Array(voxels).fill(-1000), new Uint8Array(voxels)];
  for (let i = 0; i < voxels; i++) {
    const point = worldOf(i, size, affine);
    if (inside(point, BODY)) data[i] = -60;
    if (!inside(point, ORGAN)) continue;
    data[i] = 160;
    truth[i] = 1;
  }
  return { image: { data, shape: [1, ...size], affine }, truth };
}

const worldOf = (i: number, [, ny, nz]: Vec3, affine: Affine): [number, number, number] =>
  applyAffine(affine, [Math.floor(i / (ny * nz)), Math.floor(i / nz) % ny, i % nz]);

function middle(mask: (i: number) => boolean, size: Vec3, affine: Affine): number[] {
  let [count, sums] = [0, [0, 0, 0]];
  for (let i = 0; i < size[0] * size[1] * size[2]; i++) {
    if (!mask(i)) continue;
    count += 1;
    sums = worldOf(i, size, affine).map((value, k) => value + sums[k]!);
  }
  return sums.map((sum) => sum / count);
}

/** Everything brighter than the middle between body and organ is organ: right on any grid, if it is brought back rightly. */
function thresholding(): TrainedSegmenter {
  const base = presetConfig('spleen');
  const size: [number, number, number] = [32, 32, 32];
  const config = {
    ...base,
    crops: { ...base.crops, size },
    inference: { ...base.inference, overlap: 0.25 },
  };
  const between = (50 + 175) / 425;
  const forward = (x: tf.Tensor5D): tf.Tensor5D => tf.concat([tf.fill(x.shape, between), x], 4);
  const network = { inChannels: 1, outChannels: 2, forward } as unknown as Segmenter;
  return { config, network, codes: makeLabelCodes([{ name: 'organ', values: [ORGAN_VALUE] }], false) };
}

describe('a segmentation lies where its image does', () => {
  it.each([
    ['straight', grid([56, 48, 60], [1.5, 1.5, 1.5])],
    ['flipped', grid([56, 48, 60], [-1.4, -1.5, 1.6])],
    ['anisotropic', grid([96, 84, 20], [0.9, 0.9, 4.5])],
    ['flipped, anisotropic, its axes in another order', grid([20, 64, 60], [-4.5, 1.3, -1.5], [2, 0, 1])],
    ['oblique', turned(grid([64, 60, 64], [1.4, 1.4, 1.4]))],
    ['oblique and anisotropic', turned(grid([90, 84, 22], [1, 1, 4.5]))],
    ['oblique, flipped and anisotropic', turned(grid([90, 22, 84], [-1, 4.5, -1], [0, 2, 1]))],
  ])('%s', async (name, place) => {
    const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.nii.gz`);
    const { image, truth } = paint(place);
    await writeNifti(file, image);
    const segmenter = thresholding();
    const out = file.replace('.nii', '-organ.nii');
    await writeSegmentation(out, await segmentImage(segmenter, { image: file }), segmenter.codes);
    const [stored, { volume }] = [(await readVolume(file)).volume, await readVolume(out)];
    expect(volume.shape).toEqual(image.shape);
    expect([...volume.affine]).toEqual([...stored.affine]);
    expect(new Set(volume.data)).toEqual(new Set([0, ORGAN_VALUE]));
    const found = (i: number): boolean => volume.data[i] === ORGAN_VALUE;
    let [both, sum] = [0, 0];
    truth.forEach((value, i) => {
      both += value && found(i) ? 1 : 0;
      sum += value + (found(i) ? 1 : 0);
    });
    expect((2 * both) / sum).toBeGreaterThan(0.93);
    const [wanted, got] = [
      middle((i) => truth[i] === 1, place.size, place.affine),
      middle(found, place.size, volume.affine),
    ];
    // Half a voxel of the resampled grid would be 0.75 mm.
    got.forEach((value, k) => expect(Math.abs(value - wanted[k]!)).toBeLessThan(0.3));
  });
});

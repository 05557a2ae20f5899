import { mapAxes, voxelCount, type Vec3 } from '../../geometry';
import type { RandomStream } from '../../random/random';
import { cleanCrop, otherDraw, taskStream, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import type { VolumeFusionMethod } from './descriptor';

/** Least side of a box, voxels, and the largest as a share of the crop's. */
const LEAST_SIDE = 8;
const LARGEST_SHARE = 0.625;
/** The class of each voxel `[…size]`: boxes with random classes over a background of class 0, later ones over earlier ones. */
export function drawClasses(random: RandomStream, size: Vec3, { classes, boxes }: VolumeFusionMethod): Uint8Array {
  const out = new Uint8Array(voxelCount(size));
  const count = random.integer(boxes[0], boxes[1] + 1);
  for (let box = 0; box < count; box++) {
    const sides = mapAxes((axis) => {
      const most = Math.max(1, Math.floor(LARGEST_SHARE * size[axis]));
      return random.integer(Math.min(LEAST_SIDE, most), most + 1);
    });
    const start = mapAxes((axis) => random.integer(0, size[axis] - sides[axis] + 1));
    const value = random.integer(0, classes);
    for (let i = start[0]; i < start[0] + sides[0]; i++)
      for (let j = start[1]; j < start[1] + sides[1]; j++) {
        const line = (i * size[1] + j) * size[2];
        out.fill(value, line + start[2], line + start[2] + sides[2]);
      }
  }
  return out;
}

/** Mixes two crops; the class of a voxel is the share of the first in equal steps. */
export const fusedSample: MakeSample<VolumeFusionMethod> = (draw, method) => {
  const { box, voxels, plain, words, size, channels } = cleanCrop(draw, method);
  const random = taskStream(draw);
  const behind = cleanCrop(otherDraw(draw, random), method).voxels;
  const labels = drawClasses(random, size, method);
  const input = voxels.map((value, i) => {
    const share = labels[Math.floor(i / channels)]! / (method.classes - 1);
    return share * value + (1 - share) * behind[i]!;
  });
  const [some, all] = [labels.reduce((sum, label) => sum + (label > 0 ? 1 : 0), 0), labels.length];
  const text = `mixed in ${Math.round((100 * some) / all)} % of its voxels`;
  return { box, plain, rows: [{ input, labels }], words: [...words, text] };
};

export const volumeFusionSampler = cropSampler(fusedSample);

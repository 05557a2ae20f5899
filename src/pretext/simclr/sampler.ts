import { mapAxes, overlapAlong, voxelCount } from '../../geometry';
import { boxOf, cleanCrop, secondNumber, taskStream, type CropDraw, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import type { SimclrMethod } from './descriptor';

/** The partner of a crop: moved along each axis by at most what the overlap leaves, within the volume where that is larger. */
function partnerOf(draw: CropDraw, { crop, overlap }: SimclrMethod): CropDraw {
  const first = boxOf(draw, crop);
  const random = taskStream(draw);
  const centre = mapAxes((axis) => {
    const reach = Math.floor((1 - overlap) * crop[axis]);
    return first.start[axis] + Math.floor(crop[axis] / 2) + random.integer(-reach, reach + 1);
  });
  return { ...draw, number: secondNumber(draw), centre };
}

/** Two overlapping crops, each with an augmentation of its own. */
export const pairSample: MakeSample<SimclrMethod> = (draw, method) => {
  const [one, two] = [cleanCrop(draw, method), cleanCrop(partnerOf(draw, method), method)];
  const shared = mapAxes((axis) => overlapAlong(axis, one.box, two.box));
  const share = Math.round((100 * voxelCount(shared)) / voxelCount(method.crop));
  const rows = [{ input: one.voxels }, { input: two.voxels }];
  return { box: one.box, plain: one.plain, rows, words: [...one.words, `shares ${share} % with its partner`] };
};

export const simclrSampler = cropSampler(pairSample);

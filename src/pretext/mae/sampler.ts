import { drawBlockMask, hideVoxels, voxelMask } from '../crops/blocks';
import { cleanCrop, taskStream, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import type { MaeMethod } from './descriptor';

/** A hidden voxel: the mean of a volume with z-scores. */
const HIDDEN = 0;

/** Hides cubes of a crop. Held-out crops are masked as well, always alike. */
export const maskedSample: MakeSample<MaeMethod> = (draw, method) => {
  const { box, voxels, plain, words, size } = cleanCrop(draw, method);
  const mask = drawBlockMask(taskStream(draw), size, method.block, method.ratio);
  const hidden = voxelMask(mask);
  const count = mask.hidden.reduce((sum, one) => sum + one, 0);
  return {
    box,
    plain,
    rows: [{ input: hideVoxels(voxels, hidden, HIDDEN), target: voxels, mask: hidden }],
    words: [...words, `${count} of ${mask.hidden.length} cubes hidden`],
  };
};

export const maeSampler = cropSampler(maskedSample);

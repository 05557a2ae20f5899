import { drawBlockMask, hideVoxels, voxelMask } from '../crops/blocks';
import { cleanCrop, taskStream, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import type { SparkMethod } from './descriptor';

/**
 * Hides cubes of a crop, before the network gets it. (nnssl gives the whole crop and masks the outputs of convolutions, so that a rim
 * of one voxel of each hidden cube reaches the visible side.)
 */
export const sparkSample: MakeSample<SparkMethod> = (draw, method) => {
  const { box, voxels, plain, words, size } = cleanCrop(draw, method);
  const random = taskStream(draw);
  const mask = drawBlockMask(random, size, method.block, random.range(...method.ratio));
  const hidden = voxelMask(mask);
  const count = mask.hidden.reduce((sum, one) => sum + one, 0);
  return {
    box,
    plain,
    rows: [{ input: hideVoxels(voxels, hidden, 0), target: voxels, mask: hidden }],
    words: [...words, `${count} of ${mask.hidden.length} cubes hidden`],
  };
};

export const sparkSampler = cropSampler(sparkSample);

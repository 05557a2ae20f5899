import { drawBlockMask, hideVoxels, voxelMask } from '../crops/blocks';
import { cleanCrop, taskStream, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import type { SimmimMethod } from './descriptor';

/** Hides cubes of a crop: their voxels are 0, and the network puts a token in place of their embeddings. */
export const simmimSample: MakeSample<SimmimMethod> = (draw, method) => {
  const { box, voxels, plain, words, size } = cleanCrop(draw, method);
  const mask = drawBlockMask(taskStream(draw), size, method.block, method.ratio);
  const hidden = voxelMask(mask);
  const count = mask.hidden.reduce((sum, one) => sum + one, 0);
  return {
    box,
    plain,
    rows: [{ input: hideVoxels(voxels, hidden, 0), target: voxels, mask: hidden }],
    words: [...words, `${count} of ${mask.hidden.length} cubes behind a token`],
  };
};

export const simmimSampler = cropSampler(simmimSample);

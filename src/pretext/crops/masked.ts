import type { RandomStream } from '../../random/random';
import { drawBlockMask, hideVoxels, voxelMask } from './blocks';
import { cleanCrop, taskStream, type MakeSample } from './sample';
import type { CropMethod } from './settings';

/** A hidden voxel: the mean of a volume with z-scores. */
const HIDDEN = 0;

/**
 * Hides cubes of a crop, before the network gets it; what was there is the target. Held-out crops are masked as well, always alike.
 *
 * @param ratio share of the cubes that is hidden
 * @param done what happens to them, for people: "hidden"
 */
export function maskedSample<Method extends CropMethod & { readonly block: number }>(
  ratio: (method: Method, random: RandomStream) => number,
  done: string,
): MakeSample<Method> {
  return (draw, method) => {
    const { box, voxels, plain, words, size, kept } = cleanCrop(draw, method);
    const random = taskStream(draw);
    const mask = drawBlockMask(random, size, method.block, ratio(method, random));
    const hidden = voxelMask(mask);
    const count = mask.hidden.reduce((sum, one) => sum + one, 0);
    return {
      box,
      plain,
      rows: [{ input: hideVoxels(voxels, hidden, HIDDEN), target: voxels, mask: hidden, kept: kept() }],
      words: [...words, `${count} of ${mask.hidden.length} cubes ${done}`],
    };
  };
}

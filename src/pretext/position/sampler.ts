import { RandomStream } from '../../random/random';
import { boxAround } from '../../geometry';
import { cleanCrop, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import { drawCentre, gridOnVolume, positionLabel } from '../voco/geometry';
import type { PositionMethod } from './descriptor';

/** Stream of a crop's place; its other streams are those of every task that draws crops. */
const CENTRE = 4;
/** Shares of a crop are kept as 0 to 255. */
export const WHOLE = 255;

/** Shares as whole numbers of {@link WHOLE}ths that add up to it. */
function quantised(shares: Float64Array): number[] {
  const out = Array.from(shares, (share) => Math.floor(share * WHOLE));
  const order = out.map((value, i) => ({ i, left: shares[i]! * WHOLE - value })).sort((a, b) => b.left - a.left);
  const missing = WHOLE - out.reduce((sum, value) => sum + value, 0);
  for (const { i } of order.slice(0, missing)) out[i]! += 1;
  return out;
}

/** A random crop on the grid, and the share of it in each place. */
export const placedSample: MakeSample<PositionMethod> = (draw, method) => {
  const grid = gridOnVolume(draw.volume, method);
  const centre =
    draw.centre ?? drawCentre(grid, new RandomStream(...draw.stream, draw.number, CENTRE), draw.volume.anatomy);
  const { box, voxels, plain, words } = cleanCrop({ ...draw, centre }, method, grid.crop);
  const shares = positionLabel(boxAround(centre, grid.crop), grid);
  const place = shares.indexOf(Math.max(...shares)) + 1;
  const labels = quantised(shares);
  return {
    box,
    plain,
    rows: [{ input: voxels, labels }],
    rowSize: method.crop,
    words: [...words, `mostly in place ${place} of ${grid.size}`],
  };
};

export const positionSampler = cropSampler(placedSample);

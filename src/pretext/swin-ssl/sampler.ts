import { mapAxes, voxelCount, type Vec3 } from '../../geometry';
import { finiteRange } from '../../volume';
import { RandomStream } from '../../random/random';
import { cleanCrop, otherDraw, taskStream, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import { turned, turnsAbout, turnText } from '../crops/turns';
import type { SwinSslMethod } from './descriptor';

/** Sides of the boxes that are cut out, as shares of the crop's. */
const SIDES = [0.05, 0.25] as const;
/** None, and turns by 90°, 180° and 270° about z. */
export const VIEW_TURNS = turnsAbout([2]);

/**
 * Fills boxes of a view until they have a drawn share of it, boxes that lie over each other counted twice as in the released code.
 *
 * @param value of a voxel in the box, by its place in `[…size, C]`; called once a box for what fills it
 */
function cutOut(
  voxels: Float32Array,
  size: Vec3,
  most: number,
  random: RandomStream,
  filling: () => (at: number) => number,
): void {
  const channels = voxels.length / voxelCount(size);
  const wanted = random.range(0, most) * voxelCount(size);
  for (let filled = 0; filled < wanted;) {
    const box = mapAxes((axis) => Math.max(1, Math.round(random.range(...SIDES) * size[axis])));
    const start = mapAxes((axis) => random.integer(0, size[axis] - box[axis] + 1));
    const value = filling();
    for (let i = start[0]; i < start[0] + box[0]; i++)
      for (let j = start[1]; j < start[1] + box[1]; j++) {
        const line = ((i * size[1] + j) * size[2] + start[2]) * channels;
        for (let at = line; at < line + box[2] * channels; at++) voxels[at] = value(at);
      }
    filled += voxelCount(box);
  }
}

/** Two views of a crop, each turned about z and cut out; the turned crop without holes is what is to be restored. */
export const viewsSample: MakeSample<SwinSslMethod> = (draw, method) => {
  const { box, voxels, plain, words, size, kept } = cleanCrop(draw, method);
  const random = taskStream(draw);
  const filler = cleanCrop(otherDraw(draw, random), method).voxels;
  const [low, high] = finiteRange(voxels);
  const asked = kept();
  const done: string[] = [];
  const rows = [0, 1].map((view) => {
    const own = new RandomStream(...draw.stream, draw.number, 5 + view);
    const label = own.integer(0, VIEW_TURNS.length);
    const target = turned(voxels, size, VIEW_TURNS[label]!);
    const input = target.slice();
    // The released code draws Gaussian noise and stretches it to 0 to 1, its range of intensities.
    cutOut(
      input,
      size,
      method.cut,
      own,
      () => () => Math.max(low, Math.min(high, (low + high) / 2 + (own.normal() * (high - low)) / 8)),
    );
    cutOut(input, size, method.cut, own, () => (at) => filler[at]!);
    done.push(`view ${view + 1} ${turnText(VIEW_TURNS[label]!)}`);
    return { input, target, labels: [label], kept: asked && turned(asked, size, VIEW_TURNS[label]!) };
  });
  return { box, plain, rows, words: [...words, ...done] };
};

export const swinSslSampler = cropSampler(viewsSample);

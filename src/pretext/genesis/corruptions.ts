import { mapAxes, type Vec3 } from '../../geometry';
import type { RandomStream } from '../../random/random';

/**
 * The corruptions of Models Genesis (Zhou et al. 2019; `pytorch/utils.py` of the released code), each on voxels `[…size, C]` with
 * intensities from 0 to 1, all channels alike but for the noise.
 */

/** Windows whose voxels are shuffled, and how many of the largest fit along a side: their number is that of crops of any size. */
const WINDOWS = 10_000;
const WINDOW_SHARE = 10;
/** Boxes that are painted over, at most, and the probability of one more. */
const BOXES = 5;
const ONE_MORE = 0.95;
/** Voxels between a painted box and the border. */
const MARGIN = 3;
/** Places of a Bézier curve's table. */
const TABLE = 1000;

interface Box {
  readonly start: Vec3;
  readonly size: Vec3;
}

/** Calls back for each voxel of a box with its place in `[…size]`. */
function visit({ start, size: box }: Box, size: Vec3, voxel: (at: number) => void): void {
  for (let i = start[0]; i < start[0] + box[0]; i++)
    for (let j = start[1]; j < start[1] + box[1]; j++)
      for (let k = start[2]; k < start[2] + box[2]; k++) voxel((i * size[1] + j) * size[2] + k);
}

/** A box of a drawn size at a drawn place. @param margin voxels that it keeps from the border */
function drawBox(random: RandomStream, size: Vec3, low: Vec3, high: Vec3, margin = 0): Box {
  const box = mapAxes((axis) => random.integer(low[axis], Math.max(low[axis], high[axis]) + 1));
  const start = mapAxes((axis) => {
    const last = size[axis] - box[axis] - margin;
    return last > margin ? random.integer(margin, last + 1) : Math.max(0, Math.floor((size[axis] - box[axis]) / 2));
  });
  return { start, size: box };
}

/** Shuffles the voxels of each of many small windows; what is in a window is read from the untouched crop. */
export function shuffleWindows(voxels: Float32Array, size: Vec3, random: RandomStream): void {
  const channels = voxels.length / (size[0] * size[1] * size[2]);
  const clean = voxels.slice();
  const largest = mapAxes((axis) => Math.max(1, Math.floor(size[axis] / WINDOW_SHARE)));
  const places = new Int32Array(largest[0] * largest[1] * largest[2]);
  for (let window = 0; window < WINDOWS; window++) {
    let count = 0;
    visit(drawBox(random, size, [1, 1, 1], largest), size, (at) => (places[count++] = at));
    const order = random.permutation(count);
    for (let i = 0; i < count; i++) {
      const [to, from] = [places[i]! * channels, places[order[i]!]! * channels];
      for (let c = 0; c < channels; c++) voxels[to + c] = clean[from + c]!;
    }
  }
}

/**
 * Passes intensities through a Bézier curve from (0, 0) to (1, 1) with two random points; half of the curves rise, the others run
 * from (0, 1) to (1, 0).
 */
export function bendIntensities(voxels: Float32Array, random: RandomStream): void {
  const [x1, y1, x2, y2] = [random.uniform(), random.uniform(), random.uniform(), random.uniform()];
  const rising = random.uniform() >= 0.5;
  const point = (a: number, b: number, t: number): number =>
    3 * a * t * (1 - t) ** 2 + 3 * b * t ** 2 * (1 - t) + t ** 3;
  const xs = Float64Array.from({ length: TABLE + 1 }, (_, i) => point(x1, x2, i / TABLE)).sort();
  const ys = Float64Array.from({ length: TABLE + 1 }, (_, i) => point(y1, y2, i / TABLE)).sort();
  if (!rising) ys.reverse();
  for (let i = 0; i < voxels.length; i++) {
    const value = voxels[i]!;
    // The place of the value among the sorted abscissas, by halving.
    let [low, high] = [0, TABLE];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle]! <= value) low = middle;
      else high = middle;
    }
    const width = xs[high]! - xs[low]!;
    const share = width > 0 ? Math.max(0, Math.min(1, (value - xs[low]!) / width)) : 0;
    voxels[i] = ys[low]! + share * (ys[high]! - ys[low]!);
  }
}

function paint(voxels: Float32Array, size: Vec3, box: Box, random: RandomStream): void {
  const channels = voxels.length / (size[0] * size[1] * size[2]);
  visit(box, size, (at) => {
    for (let c = 0; c < channels; c++) voxels[at * channels + c] = random.uniform();
  });
}

/** Fills up to five boxes, of a sixth to a third of each side, with noise. */
export function paintInside(voxels: Float32Array, size: Vec3, random: RandomStream): void {
  const low = mapAxes((axis) => Math.max(1, Math.floor(size[axis] / 6)));
  const high = mapAxes((axis) => Math.max(1, Math.floor(size[axis] / 3)));
  for (let box = 0; box < BOXES; box++) {
    if (random.uniform() >= ONE_MORE) break;
    paint(voxels, size, drawBox(random, size, low, high, MARGIN), random);
  }
}

/** Fills all but up to five boxes, of three to four sevenths of each side, with noise. */
export function paintOutside(voxels: Float32Array, size: Vec3, random: RandomStream): void {
  const channels = voxels.length / (size[0] * size[1] * size[2]);
  const clean = voxels.slice();
  for (let i = 0; i < voxels.length; i++) voxels[i] = random.uniform();
  const low = mapAxes((axis) => Math.max(1, size[axis] - Math.floor((4 * size[axis]) / 7)));
  const high = mapAxes((axis) => Math.max(1, size[axis] - Math.floor((3 * size[axis]) / 7)));
  for (let box = 0; box < BOXES; box++) {
    if (box > 0 && random.uniform() >= ONE_MORE) break;
    visit(drawBox(random, size, low, high, MARGIN), size, (at) => {
      for (let c = 0; c < channels; c++) voxels[at * channels + c] = clean[at * channels + c]!;
    });
  }
}

import { voxelCount, type Vec3 } from '../../geometry';
import { resizeCoordinates, type Volume } from '../../volume';
import { RandomStream } from '../../random/random';
import type { Augmentation } from './augmentation';
import { changeIntensity } from './intensity';

/** Where the voxels of an output axis lie along a source axis: two neighbours and the weight of the second. */
interface AxisTable {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly weight: Float64Array;
}

function axisTable(start: number, from: number, to: number, reversed: boolean): AxisTable {
  const coordinates = from === to ? Float64Array.from({ length: to }, (_, i) => i) : resizeCoordinates(from, to, true);
  if (reversed) coordinates.reverse();
  const low = Int32Array.from(coordinates, (c) => Math.min(from - 1, Math.floor(c)));
  return {
    low: low.map((i) => start + i),
    high: low.map((i) => start + Math.min(from - 1, i + 1)),
    weight: coordinates.map((c, i) => c - low[i]!),
  };
}

const inVolume = ({ shape }: Volume, start: Vec3, size: Vec3): boolean =>
  start.every((at, axis) => at >= 0 && at + size[axis]! <= shape[axis + 1]!);

/** A box of a volume as one of its own, `[C, …size]`, with zeros where it juts out. */
function cutBox({ data, shape, affine }: Volume<Float32Array>, start: Vec3, size: Vec3): Volume<Float32Array> {
  const [channels, nx, ny, nz] = shape;
  const out = new Float32Array(channels * voxelCount(size));
  const [z, end] = [Math.max(0, start[2]), Math.min(nz, start[2] + size[2])];
  let to = -start[2];
  for (let c = 0; c < channels; c++)
    for (let x = start[0]; x < start[0] + size[0]; x++)
      for (let y = start[1]; y < start[1] + size[1]; y++, to += size[2]) {
        if (x < 0 || y < 0 || x >= nx || y >= ny || z >= end) continue;
        const row = ((c * nx + x) * ny + y) * nz;
        out.set(data.subarray(row + z, row + end), to + z);
      }
  return { data: out, shape: [channels, ...size], affine };
}

/**
 * Cuts a box out of a volume, resizes it (trilinear with aligned corners, as VoCo's crops) and applies an augmentation, all
 * in one pass: the flips and turns only change where the samples are taken.
 *
 * @param volume `[C, X, Y, Z]`
 * @param start first voxel of the box; outside the volume there are zeros
 * @param crop size of the box, voxels
 * @param size size of the result; x and y must be equal for quarter turns other than 2
 * @param out receives `[…size, C]`, channels last, from `offset` on
 * @returns the changes of intensity besides the shift, in words
 */
export function sampleCrop(
  volume: Volume<Float32Array>,
  start: Vec3,
  crop: Vec3,
  size: Vec3,
  augmentation: Augmentation,
  out: Float32Array,
  offset: number,
): string[] {
  const { flip, quarterTurns: k, shift, intensity } = augmentation;
  if (!inVolume(volume, start, crop)) {
    return sampleCrop(cutBox(volume, start, crop), [0, 0, 0], crop, size, augmentation, out, offset);
  }
  if (k % 2 === 1 && size[0] !== size[1]) throw new Error('quarter turns need crops that are square in x and y');
  // rot90: k = 1 reads in[j, n−1−i], k = 2 in[n−1−i, m−1−j], k = 3 in[m−1−j, i].
  const swapped = k % 2 === 1;
  const x = axisTable(start[0], crop[0], size[0], flip[0] !== (k === 2 || k === 3));
  const y = axisTable(start[1], crop[1], size[1], flip[1] !== (k === 1 || k === 2));
  const z = axisTable(start[2], crop[2], size[2], flip[2]);
  const [channels, nx, ny, nz] = volume.shape;
  const row = new Float64Array(crop[2]);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < size[0]; i++)
      for (let j = 0; j < size[1]; j++) {
        const [ix, iy] = swapped ? [j, i] : [i, j];
        const rows = {
          low: (c * nx + x.low[ix]!) * ny,
          high: (c * nx + x.high[ix]!) * ny,
        };
        blendRows(volume.data, nz, rows, [y.low[iy]!, y.high[iy]!], x.weight[ix]!, y.weight[iy]!, start[2], row);
        const at = offset + (i * size[1] + j) * size[2] * channels + c;
        writeRow(row, start[2], z, shift, out, at, channels);
      }
  if (!intensity) return [];
  const voxels = out.subarray(offset, offset + voxelCount(size) * channels);
  const stream = (part: number): RandomStream => new RandomStream(...intensity.stream, part);
  return changeIntensity(stream, intensity.settings, {
    voxels,
    size,
    channels,
    keepZero: intensity.keepZero ?? false,
  });
}

/** The line along z at a place between four neighbouring lines of the volume. */
function blendRows(
  data: Float32Array,
  nz: number,
  rows: { low: number; high: number },
  [yLow, yHigh]: readonly [number, number],
  wx: number,
  wy: number,
  first: number,
  row: Float64Array,
): void {
  const a = (rows.low + yLow) * nz + first;
  if (wx === 0 && wy === 0) {
    for (let k = 0; k < row.length; k++) row[k] = data[a + k]!;
    return;
  }
  const b = (rows.low + yHigh) * nz + first;
  const c = (rows.high + yLow) * nz + first;
  const d = (rows.high + yHigh) * nz + first;
  const wa = (1 - wx) * (1 - wy);
  const wb = (1 - wx) * wy;
  const wc = wx * (1 - wy);
  const wd = wx * wy;
  for (let k = 0; k < row.length; k++)
    row[k] = wa * data[a + k]! + wb * data[b + k]! + wc * data[c + k]! + wd * data[d + k]!;
}

function writeRow(
  row: Float64Array,
  first: number,
  z: AxisTable,
  shift: number,
  out: Float32Array,
  at: number,
  stride: number,
): void {
  for (let k = 0, to = at; k < z.low.length; k++, to += stride) {
    const low = row[z.low[k]! - first]!;
    out[to] = low + z.weight[k]! * (row[z.high[k]! - first]! - low) + shift;
  }
}

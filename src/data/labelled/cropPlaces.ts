import type { Vec3 } from '../../geometry';
import { UserError } from '../../errors/userError';
import { correctCropCentre, type Volume } from '../../volume';
import { nthVoxel } from '../places';

/** How many voxels of each x plane are foreground (labelled) and background (unlabelled, inside the body). */
export interface CropPlaces {
  readonly foreground: Uint32Array;
  readonly background: Uint32Array;
  readonly foregroundTotal: number;
  readonly backgroundTotal: number;
  /** The code of voxels that are neither, since they are left out; −1: none. */
  readonly ignoredCode: number;
  /** Of z-scores half are below 0: what is around the body is exactly 0, and all else is inside. Otherwise inside is above 0. */
  readonly zeroIsAround: boolean;
}

/** Whether any channel shows the body at a voxel. */
function insideAt({ data }: Volume<Float32Array>, index: number, voxels: number, zeroIsAround: boolean): boolean {
  for (let at = index; at < data.length; at += voxels) if (zeroIsAround ? data[at] !== 0 : data[at]! > 0) return true;
  return false;
}

/**
 * Counts where crops may be centred: MONAI `map_binary_to_indices(label, image, image_threshold=0)`, without the lists.
 *
 * @param zeroIsAround see {@link CropPlaces}; MONAI has no such thing
 */
export function countPlaces(
  image: Volume<Float32Array>,
  codes: Uint8Array,
  ignoredCode = -1,
  zeroIsAround = false,
): CropPlaces {
  const [, nx, ny, nz] = image.shape;
  const foreground = new Uint32Array(nx);
  const background = new Uint32Array(nx);
  const area = ny * nz;
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] === ignoredCode) continue;
    const x = Math.floor(i / area);
    if (codes[i]! > 0) foreground[x]!++;
    else if (insideAt(image, i, codes.length, zeroIsAround)) background[x]!++;
  }
  const total = (counts: Uint32Array): number => counts.reduce((sum, count) => sum + count, 0);
  return {
    foreground,
    background,
    foregroundTotal: total(foreground),
    backgroundTotal: total(background),
    ignoredCode,
    zeroIsAround,
  };
}

/** Flat index of the n-th voxel of a kind, x slowest. */
function nthPlace(
  image: Volume<Float32Array>,
  codes: Uint8Array,
  places: CropPlaces,
  labelled: boolean,
  n: number,
): number {
  const counts = labelled ? places.foreground : places.background;
  const area = image.shape[2] * image.shape[3];
  return nthVoxel(counts, area, n, (i) =>
    labelled
      ? codes[i]! > 0 && codes[i] !== places.ignoredCode
      : codes[i] === 0 && insideAt(image, i, codes.length, places.zeroIsAround),
  );
}

export interface PlaceDraw {
  /** Uniform in [0, 1): foreground when below positive / (positive + negative). */
  readonly kind: number;
  /** Uniform in [0, 1): which voxel of that kind. */
  readonly pick: number;
}

/**
 * The centre of one crop of MONAI's `RandCropByPosNegLabel`, given its draws, as `posNegCentre` but without lists of all
 * voxels, which would take four bytes a voxel. When a volume has voxels of one kind only, those are taken.
 *
 * @throws UserError naming `name` when there are neither.
 */
export function drawPlace(
  image: Volume<Float32Array>,
  codes: Uint8Array,
  places: CropPlaces,
  draw: PlaceDraw,
  ratio: { positive: number; negative: number },
  size: Vec3,
  name: string,
): [number, number, number] {
  const { foregroundTotal, backgroundTotal } = places;
  if (foregroundTotal + backgroundTotal === 0) {
    const what = places.zeroIsAround ? 'other than 0' : 'above 0';
    throw new UserError(`${name}: neither a label nor a voxel ${what} after preprocessing: check the intensity window`);
  }
  let share = ratio.positive / (ratio.positive + ratio.negative);
  if (foregroundTotal === 0) share = 0;
  if (backgroundTotal === 0) share = 1;
  const labelled = draw.kind < share;
  const total = labelled ? foregroundTotal : backgroundTotal;
  const n = Math.min(Math.floor(draw.pick * total), total - 1);
  const flat = nthPlace(image, codes, places, labelled, n);
  const [, nx, ny, nz] = image.shape;
  const centre: Vec3 = [Math.floor(flat / (ny * nz)), Math.floor((flat % (ny * nz)) / nz), flat % nz];
  return correctCropCentre(centre, size, [nx, ny, nz]);
}

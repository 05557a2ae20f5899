import type { Vec3 } from '../../geometry';
import { UserError } from '../../errors/userError';
import type { Volume } from '../types';
import { formatSize } from '../../text';

export interface ForegroundIndices {
  /** Flat spatial indices (x slowest) of voxels with a label, ascending. */
  readonly foreground: Int32Array;
  /** Voxels without a label, and, where an image is given, above its threshold. */
  readonly background: Int32Array;
}

/**
 * Lists foreground and background voxels: MONAI `map_binary_to_indices`. Any non-zero channel counts as foreground.
 *
 * @param image with it, background is only where some channel of the image is above `threshold`.
 */
export function foregroundIndices(label: Volume, image?: Volume, threshold = 0): ForegroundIndices {
  const voxels = label.shape[1] * label.shape[2] * label.shape[3];
  const kind = new Uint8Array(voxels);
  const counts = [0, 0, 0];
  for (let i = 0; i < voxels; i++) {
    let value = 0;
    for (let at = i; at < label.data.length && value === 0; at += voxels) if (label.data[at] !== 0) value = 1;
    if (value === 0 && (image === undefined || anyAbove(image, i, voxels, threshold))) value = 2;
    kind[i] = value;
    counts[value]! += 1;
  }
  const foreground = new Int32Array(counts[1]!);
  const background = new Int32Array(counts[2]!);
  let [f, b] = [0, 0];
  for (let i = 0; i < voxels; i++) {
    if (kind[i] === 1) foreground[f++] = i;
    else if (kind[i] === 2) background[b++] = i;
  }
  return { foreground, background };
}

function anyAbove(image: Volume, index: number, voxels: number, threshold: number): boolean {
  for (let at = index; at < image.data.length; at += voxels) if (image.data[at]! > threshold) return true;
  return false;
}

/**
 * Moves a crop's centre so that the crop lies inside: MONAI `correct_crop_centers`. A size of −1 means the whole axis.
 *
 * @param allowSmaller a crop larger than the volume becomes as large as the volume.
 * @throws UserError when the volume is smaller than the crop and `allowSmaller` is not set.
 */
export function correctCropCentre(
  centre: Vec3,
  size: Vec3,
  shape: Vec3,
  allowSmaller = false,
): [number, number, number] {
  return centre.map((value, k) => {
    const n = shape[k]!;
    let length = size[k]! > 0 ? size[k]! : n;
    if (length > n) {
      if (!allowSmaller) {
        throw new UserError(
          `a crop of ${formatSize(size)} voxels does not fit into a volume of ${formatSize(shape)}: pad it first`,
        );
      }
      length = n;
    }
    const low = Math.floor(length / 2);
    // An axis that the crop fills has one place only.
    const end = n - length === 0 ? low + 1 : Math.max(n - Math.ceil(length / 2) + 1, low + 1);
    return Math.min(Math.max(value, low), end - 1);
  }) as [number, number, number];
}

export interface CropDraw {
  /** Uniform in [0, 1): foreground when below pos / (pos + neg). */
  readonly kind: number;
  /** Uniform in [0, 1): which voxel of that list. */
  readonly pick: number;
}

/**
 * The centre of one crop of MONAI's `RandCropByPosNegLabel`, given its draws. When one list is empty the other is used.
 *
 * @param shape spatial size of the volume that the indices are of.
 * @throws UserError when both lists are empty, or the volume is smaller than the crop.
 */
export function posNegCentre(
  indices: ForegroundIndices,
  draw: CropDraw,
  ratio: { pos: number; neg: number },
  size: Vec3,
  shape: Vec3,
): [number, number, number] {
  const { foreground, background } = indices;
  if (foreground.length + background.length === 0) throw new UserError('no voxel to choose a crop around');
  let share = ratio.pos / (ratio.pos + ratio.neg);
  if (foreground.length === 0) share = 0;
  if (background.length === 0) share = 1;
  const list = draw.kind < share ? foreground : background;
  const flat = list[Math.min(Math.floor(draw.pick * list.length), list.length - 1)]!;
  const plane = shape[1] * shape[2];
  const centre: Vec3 = [Math.floor(flat / plane), Math.floor((flat % plane) / shape[2]), flat % shape[2]];
  return correctCropCentre(centre, size, shape);
}

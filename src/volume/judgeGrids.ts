import type { Vec3 } from '../geometry';
import { counted, formatSize, significant } from '../text';
import { isInvertible, spacingOf } from './affine';
import { axisCodes } from './axcodes';
import { compareGrids, isUnplaced, type Grid } from './grids';
import type { Crop } from './lattice';
import type { Notice } from './notice';

/**
 * What is to be said of where an image lies beside the first image of its case, of which it is another channel: as of a label
 * (see {@link judgeLabelGrid}), but there is nothing to choose. `ontoGrid` brings it there.
 */
export function judgeChannelGrid(channel: Grid, first: Grid, firstFile: string): Notice | undefined {
  const { place, distance, turn } = compareGrids(channel, first);
  if (place === 'same' && !turn) return undefined;
  if (place === 'same')
    return {
      severity: 'info',
      message: `its axes run ${axisCodes(channel.affine)}, those of ${firstFile} ${axisCodes(first.affine)}; it lies in the same place and is turned`,
      advice: 'nothing to do',
    };
  if (place === 'near')
    return {
      severity: 'warning',
      message: `lies up to ${mm(distance)} off ${firstFile}, the first channel of the case, which is less than half a voxel; its grid is used`,
      advice: 'write all channels of a case with one affine',
    };
  const [own, its] = [describeGrid(channel), describeGrid(first)];
  return {
    severity: 'error',
    message: `does not lie on the voxel grid of ${firstFile}, the first channel of the case. This one: ${own}; the first: ${its}`,
    advice: 'register and resample the channels of a case to one grid',
  };
}

/** A grid in words: `64×64×40 voxels of 1×1×2.5 mm, axes RAS, first voxel at (−90, −126, −72) mm`. */
export function describeGrid({ size, affine }: Grid): string {
  const short = (value: number): string => significant(value, 4).replace('-', '−');
  const origin = [affine[3]!, affine[7]!, affine[11]!].map(short).join(', ');
  const axes = isInvertible(affine) ? `, axes ${axisCodes(affine)}` : '';
  return `${formatSize(size)} voxels of ${formatSize(spacingOf(affine).map(short))} mm${axes}, first voxel at (${origin}) mm`;
}

const mm = (distance: number): string => `${significant(distance, 2)} mm`;

/** Whether two grids cover the same stretch along each axis, in larger or smaller voxels. */
function sameExtent(a: Grid, b: Grid): boolean {
  const [p, q] = [a, b].map(({ affine }) => spacingOf(affine));
  const scaled = p!.some((step, axis) => Math.abs(step - q![axis]!) > 0.02 * q![axis]!);
  return (
    scaled && p!.every((step, k) => Math.abs(step * a.size[k]! - q![k]! * b.size[k]!) < 0.05 * q![k]! * b.size[k]!)
  );
}

/** Whether sizes are the same in another order. */
function swapped(a: Vec3, b: Vec3): boolean {
  const sorted = (size: Vec3): string => [...size].sort((p, q) => p - q).join();
  return a.join() !== b.join() && sorted(a) === sorted(b);
}

/** Whether a label is an array whose axes were swapped, saved without an affine or with that of its image. */
function hasSwappedAxes(label: Grid, image: Grid): boolean {
  const copied = label.affine.every((value, i) => Math.abs(value - image.affine[i]!) < 1e-3);
  return (copied || isUnplaced(label)) && swapped(label.size, image.size);
}

/** What lies over an image, voxel on voxel. */
type LaidOver = 'label' | 'mask';

function elsewhere(label: Grid, image: Grid, imageFile: string, distance: number, what: LaidOver): Notice {
  const grids = `${describeGrid(label)}; the image: ${describeGrid(image)}`;
  if (Number.isFinite(distance))
    return {
      severity: 'error',
      message: `lies up to ${mm(distance)} away from its image ${imageFile}. The ${what}: ${grids}`,
      advice: `pair the ${what} with its own image, or write it with the affine of its image`,
    };
  return {
    severity: 'error',
    message: `lies on another voxel grid than its image ${imageFile}. The ${what}: ${grids}`,
    advice: hasSwappedAxes(label, image)
      ? "its sizes are the image's in another order, as of an array whose axes were swapped (SimpleITK's arrays have z first): save it with the axes and the affine of the image"
      : sameExtent(label, image)
        ? `resample the ${what} to the image, with the nearest voxel`
        : `pair the ${what} with its own image, or resample it to the image, with the nearest voxel`,
  };
}

function cropped({ size }: Grid, { offset, outside }: Crop, imageFile: string, what: LaidOver): Notice {
  const at = offset.map((n) => String(n).replace('-', '−')).join(', ');
  const beyond = outside > 0 ? `, ${counted(outside, 'voxel')} of it outside of the image` : '';
  return {
    severity: 'warning',
    message: `covers a part of its image ${imageFile}: ${formatSize(size)} voxels from voxel (${at}) on${beyond}; the rest of the image counts as ${what === 'label' ? 'background' : 'outside of it'}`,
    advice:
      what === 'label'
        ? 'nothing to do if all that is to be labelled lies in there; else write the label on the whole grid of its image'
        : 'nothing to do if all of the region lies in there; else write the mask on the whole grid of its image',
  };
}

/**
 * What is to be said of where a label map lies beside its image. Without an error, `ontoGrid` brings it onto the
 * image's voxels.
 *
 * @param label grid of the label map
 * @param image grid of the image
 * @param imageFile names the image in messages
 * @param how whether the user says that labels of the image's size lie on its grid, whatever their affine; and whether it is a
 * label map or a mask
 * @returns undefined when both have the same grid
 */
export function judgeLabelGrid(
  label: Grid,
  image: Grid,
  imageFile: string,
  { onImageGrid = false, what = 'label' }: { readonly onImageGrid?: boolean; readonly what?: LaidOver } = {},
): Notice | undefined {
  const found = compareGrids(label, image);
  const { place, distance, turn } = found;
  if (place === 'near')
    return {
      severity: 'warning',
      message: `lies up to ${mm(distance)} off its image ${imageFile}, which is less than half a voxel; the image's grid is used`,
      advice: `write the ${what} with the affine of its image`,
    };
  if (place === 'same')
    return (
      turn && {
        severity: 'info',
        message: `its axes run ${axisCodes(label.affine)}, those of its image ${imageFile} ${axisCodes(image.affine)}; it lies in the same place and is turned`,
        advice: 'nothing to do',
      }
    );
  if (onImageGrid && Number.isFinite(distance))
    return {
      severity: 'warning',
      message: `lies up to ${mm(distance)} away from its image ${imageFile} by its affine; the image's grid is used for it, as asked`,
      advice: `write the ${what} with the affine of its image`,
    };
  if (found.crop) return cropped(label, found.crop, imageFile, what);
  if (place === 'elsewhere') return elsewhere(label, image, imageFile, distance, what);
  const [without, which] = found.unplaced === 'first' ? ['it has', 'own'] : [`its image ${imageFile} has`, 'image'];
  return {
    severity: 'error',
    message: `${without} no place in space (its affine is the identity, or none), but the same ${formatSize(label.size)} voxels as the ${which === 'own' ? `image ${imageFile}` : what}`,
    advice:
      what === 'label'
        ? "if both lie voxel on voxel, use the image's grid: --labels-on-image-grid, or data.labelsOnImageGrid in the config; else write the affine into the file"
        : 'write the affine of the image into the mask',
  };
}

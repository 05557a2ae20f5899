import { mapAxes } from '../geometry';
import type { Grid, OverlayPlace } from '../protocol/volume';
import { applyAffine, compareGrids, invertAffine, isInvertible, type Affine } from '../volume';
import { formatSize, significant } from '../text';

const matrix = (grid: Grid): Affine => Float64Array.from(grid.affine);

/** Whether some voxel centre of a grid lies in the box of another, or the other way round. */
function meet(a: Grid, b: Grid): boolean {
  const inside = (from: Grid, into: Grid): boolean => {
    const back = invertAffine(matrix(into));
    const ends = [0, 1, 2, 3, 4, 5, 6, 7].map((corner) =>
      applyAffine(
        back,
        applyAffine(
          matrix(from),
          mapAxes((axis) => ((corner >> axis) & 1 ? from.size[axis] - 0.5 : -0.5)),
        ),
      ),
    );
    return [0, 1, 2].every((axis) => {
      const along = ends.map((end) => end[axis]!);
      return Math.max(...along) > -0.5 && Math.min(...along) < into.size[axis]! - 0.5;
    });
  };
  return inside(a, b) && inside(b, a);
}

/**
 * What is to be said of where a volume lies that is drawn on top of another.
 *
 * @param overlay grid of its file
 * @param image grid of the file below
 * @param onImageGrid it is drawn on the image's grid, whatever its affine
 * @returns undefined when both have the same grid, or overlap as images of different grids do
 */
export function overlayPlace(overlay: Grid, image: Grid, onImageGrid: boolean): OverlayPlace | undefined {
  const [own, below] = [overlay, image].map((grid) => ({ size: grid.size, affine: matrix(grid) }));
  if (!isInvertible(own!.affine) || !isInvertible(below!.affine)) return undefined;
  const { place, distance, unplaced } = compareGrids(own!, below!);
  if (place === 'same') return undefined;
  const mm = `${significant(distance, 2)} mm`;
  if (place === 'near') return { text: `Lies up to ${mm} off the image, less than half a voxel.` };
  const sameSize = overlay.size.join() === image.size.join();
  if (onImageGrid && sameSize)
    return { text: "Drawn on the image's grid; its own affine says otherwise.", choice: 'own' };
  if (place === 'unplaced') {
    const which = unplaced === 'first' ? 'It has' : 'The image has';
    return {
      text: `${which} no place in space (its affine is the identity, or none), but both have ${formatSize(image.size)} voxels.`,
      choice: 'image',
    };
  }
  if (meet(overlay, image)) return undefined;
  return {
    text: `Lies outside of the image${sameSize ? `, up to ${mm} away, but both have ${formatSize(image.size)} voxels` : ''}.`,
    ...(sameSize && { choice: 'image' as const }),
  };
}

import { mapVec3, voxelCount, type Vec3 } from '../../geometry';
import { error, warning, type Problem } from '../../schema';
import { formatSize } from '../../text';
import { placeMmRules } from '../crops/rules';

interface Placing {
  readonly grid: Vec3;
  readonly crop: Vec3;
  readonly cropMm: Vec3 | null;
  readonly augment: { readonly flip: number };
}

/** A grid of at least two places that fits the volumes. */
export function placeRules({ grid, crop, cropMm, augment }: Placing, resize: Vec3 | null): Problem[] {
  const found: Problem[] = [];
  if (voxelCount(grid) < 2) {
    found.push(
      error(['method', 'grid'], 'one place leaves nothing to tell: use at least 2, such as [3, 3, 1]', [3, 3, 1]),
    );
  }
  const needed = mapVec3(grid, (n, axis) => n * crop[axis]);
  if (cropMm) found.push(...placeMmRules(resize));
  else if (resize && needed.some((length, axis) => length > resize[axis as 0])) {
    const message = `${formatSize(grid)} places of ${formatSize(crop)} need ${formatSize(needed)} voxels, more than the volume's ${formatSize(resize)}`;
    found.push(error(['method', 'grid'], message));
  }
  if (augment.flip > 0)
    found.push(
      warning(['method', 'augment', 'flip'], 'a flipped crop lies as well on the other side: its place is ambiguous'),
    );
  return found;
}

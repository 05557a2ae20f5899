import { AXES, mapAxes, mapVec3, type Axis, type Vec3 } from '../../geometry';
import { formatSize } from '../../text';
import { orientationOf, parseAxisCodes, spacingOf, type NiftiHeader, type PreprocessSettings } from '../../volume';

/** Size of a volume after turning and resampling; a foreground cut can only make it smaller. */
export function sizeBeforeCrops(header: Pick<NiftiHeader, 'size' | 'affine'>, settings: PreprocessSettings): Vec3 {
  if (settings.resize !== null) return settings.resize;
  const from = orientationOf(header.affine);
  const to = settings.orientation === null ? from : parseAxisCodes(settings.orientation);
  const spacing = spacingOf(header.affine);
  return mapAxes((axis) => {
    const source = from.axis.indexOf(to.axis[axis]) as 0 | 1 | 2;
    const size = header.size[source];
    return settings.spacing === null ? size : Math.round(((size - 1) * spacing[source]) / settings.spacing[axis] + 1);
  });
}

/** Places of a grid that are given in millimetres. */
export interface Places {
  /** Places along x, y, z. */
  readonly grid: Vec3;
  /** Size of a place. */
  readonly cropMm: Vec3;
}

/** Why a field of view leaves nothing to tell of places: it lies in one of them. @param size of the volume, voxels; @param spacing mm */
export function placesProblem(size: Vec3, spacing: Vec3, { grid, cropMm }: Places): string | undefined {
  const extent = mapVec3(size, (n, axis) => n * spacing[axis]);
  const several = AXES.some((_, k) => grid[k as Axis] > 1 && extent[k as Axis] > cropMm[k as Axis]);
  if (several) return undefined;
  return `${formatSize(mapVec3(extent, Math.round))} mm after preprocessing, which leaves nothing to tell of ${formatSize(grid)} places of ${formatSize(cropMm)} mm`;
}

/** Voxel size after turning and resampling, mm; of volumes that are not resized. */
function spacingBeforeCrops(header: Pick<NiftiHeader, 'affine'>, settings: PreprocessSettings): Vec3 {
  if (settings.spacing !== null) return settings.spacing;
  const from = orientationOf(header.affine);
  const to = settings.orientation === null ? from : parseAxisCodes(settings.orientation);
  const spacing = spacingOf(header.affine);
  return mapAxes((axis) => spacing[from.axis.indexOf(to.axis[axis]) as Axis]);
}

/** {@link sizeBeforeCrops} with the size of its voxels. */
export const gridBeforeCrops = (
  header: Pick<NiftiHeader, 'size' | 'affine'>,
  settings: PreprocessSettings,
): [size: Vec3, spacing: Vec3] => [sizeBeforeCrops(header, settings), spacingBeforeCrops(header, settings)];

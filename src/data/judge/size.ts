import { mapAxes, type Vec3 } from '../../geometry';
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

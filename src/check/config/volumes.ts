import type { PretrainConfig } from '../../config';
import type { Problem } from '../../schema';
import { sizeBeforeCrops } from '../dataset';
import type { Source } from './sources';
import { formatSize } from '../../text';

/** Volumes that are too small for the crop grid, where they are not resized (else the config alone tells). */
export function gridProblems({ method, data }: PretrainConfig, sources: readonly Source[]): Problem[] {
  const { preprocess } = data;
  if (preprocess.resize !== null) return [];
  const { grid, crop } = method;
  const needed = [grid[0] * crop[0], grid[1] * crop[1], grid[2] * crop[2]] as const;
  const images = sources.flatMap(({ cases }) => cases).flatMap(({ images: [first] }) => (first ? [first] : []));
  const small = images
    .map(({ file, header }) => ({ file, size: sizeBeforeCrops(header, preprocess) }))
    .filter(({ size }) => size.some((n, axis) => n < needed[axis]!));
  if (small.length === 0) return [];
  const [{ file, size }] = small as [(typeof small)[0]];
  const which =
    small.length === 1 ? 'one volume is smaller' : `${small.length} of ${images.length} volumes are smaller`;
  const message =
    `${formatSize(grid)} crops of ${formatSize(crop)} need ${formatSize(needed)} voxels, but ${which} after preprocessing: ` +
    `${file} has ${formatSize(size)}`;
  const path = ['data', 'preprocess', 'resize'];
  const fix = { title: `Resize every volume to ${formatSize(needed)}`, path, value: needed };
  return [{ path: ['method', 'grid'], message, severity: 'error', fix }];
}

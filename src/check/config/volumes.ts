import { taskOf } from '../../catalog';
import type { PretrainConfig } from '../../config';
import type { Problem } from '../../schema';
import { sizeBeforeCrops } from '../../data/judge';
import type { Source } from './sources';
import { formatSize } from '../../text';

/** Volumes that are too small for what is cut from them, where they are not resized (else the config alone tells). */
export async function sizeProblems(config: PretrainConfig, sources: readonly Source[]): Promise<Problem[]> {
  const { preprocess } = config.data;
  if (preprocess.resize !== null) return [];
  const { gridSize: needed, gridReason } = (await taskOf(config)).checks(config);
  if (!needed) return [];
  const images = sources.flatMap(({ cases }) => cases).flatMap(({ images: [first] }) => (first ? [first] : []));
  const small = images
    .map(({ file, header }) => ({ file, size: sizeBeforeCrops(header, preprocess) }))
    .filter(({ size }) => size.some((n, axis) => n < needed[axis]!));
  if (small.length === 0) return [];
  const [{ file, size }] = small as [(typeof small)[0]];
  const which =
    small.length === 1 ? 'one volume is smaller' : `${small.length} of ${images.length} volumes are smaller`;
  const message =
    `${gridReason?.text ?? 'crops'} need ${formatSize(needed)} voxels, but ${which} after preprocessing: ` +
    `${file} has ${formatSize(size)}`;
  const path = ['data', 'preprocess', 'resize'];
  const fix = { title: `Resize every volume to ${formatSize(needed)}`, path, value: needed };
  return [{ path: gridReason?.path ?? ['method'], message, severity: 'error', fix }];
}

import { taskOf } from '../../catalog';
import type { PretrainConfig } from '../../config';
import type { Problem } from '../../schema';
import { gridBeforeCrops, placesProblem, sizeBeforeCrops, type ImageFacts, type Places } from '../../data/judge';
import type { PreprocessSettings } from '../../volume';
import type { Source } from './sources';
import { counted, formatSize } from '../../text';

/** Volumes whose field of view lies in one of the places that are given in millimetres. */
function placeProblems(images: readonly ImageFacts[], preprocess: PreprocessSettings, places: Places): Problem[] {
  const found = images.flatMap(({ file, header }) => {
    const problem = placesProblem(...gridBeforeCrops(header, preprocess), places);
    return problem === undefined ? [] : [`${file} has ${problem}`];
  });
  if (found.length === 0) return [];
  const others = found.length > 1 ? ` (and ${counted(found.length - 1, 'other volume')})` : '';
  return [{ path: ['method', 'cropMm'], message: `${found[0]!}${others}: use smaller places`, severity: 'error' }];
}

/** Volumes that are too small for what is cut from them, where they are not resized (else the config alone tells). */
export async function sizeProblems(config: PretrainConfig, sources: readonly Source[]): Promise<Problem[]> {
  const { preprocess } = config.data;
  if (preprocess.resize !== null) return [];
  const { gridSize: needed, gridReason, places } = (await taskOf(config)).checks(config);
  const images = sources.flatMap(({ cases }) => cases).flatMap(({ images: [first] }) => (first ? [first] : []));
  if (places) return placeProblems(images, preprocess, places);
  if (!needed) return [];
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

import {
  foregroundOfView,
  gridOf,
  preprocessView,
  spacingOf,
  viewAffine,
  viewOf,
  viewShape,
  type LabelValues,
  type PreprocessSettings,
  type Volume,
} from '../../volume';
import { voxelCount, type Box } from '../../geometry';
import { formatPercent } from '../../text';
import { keepsZero } from '../channels';
import type { Case } from '../datalist/case';
import { makeLabelCodes } from '../labelled/labelCodes';
import { judgeLabel } from '../labelled/readLabel';
import type { ReadVolume } from '../readImage';
import type { Finding } from '../../protocol/datasets';
import { tooSmall, unreadable } from './headers';
import { judgeIntensities, judgeNonFinite } from './intensities';
import { holdsLabels, namedAsLabels } from './labelMaps';
import type { CaseDemands, LabelDemands } from './types';

/** A cut that leaves out so much of what is no background is not what was meant. */
const MUCH = 0.1;

/** A cut of MRI at an intensity: dark tissue is below it, where background is 0. @param box that is kept, in voxels of the file */
function darkCut(
  file: string,
  volume: Volume,
  settings: PreprocessSettings,
  box: Box | undefined,
): Finding | undefined {
  const { foreground } = settings;
  if (!keepsZero(settings) || !box || typeof foreground?.threshold !== 'number') return undefined;
  const [, x, y, z] = volume.shape;
  const whole = foregroundOfView(viewOf(volume), 'nonzero');
  const lost = 1 - voxelCount(box.size) / voxelCount(whole.size);
  // Without a background of 0 the whole volume is not 0.
  if (voxelCount(whole.size) === x * y * z || lost < MUCH) return undefined;
  return {
    severity: 'warning',
    file,
    message: `the cut to voxels above ${foreground.threshold} leaves out ${formatPercent(lost, 0)} of the box of those that are not 0`,
    advice: 'for MRI set data.preprocess.foreground.threshold to "nonzero"',
  };
}

/**
 * Whether the foreground cut leaves something, and enough. The grid matters for how large it is, not for whether there is
 * any, so that nothing is resampled unless the size is asked for.
 */
function judgeForeground(file: string, volume: Volume, settings: PreprocessSettings, demands: CaseDemands): Finding[] {
  if (!settings.foreground) return [];
  const exact = (demands.gridSize !== undefined || demands.places !== undefined) && settings.resize === null;
  const steps = exact ? settings : { ...settings, orientation: null, spacing: null };
  try {
    const { view, box } = preprocessView(viewOf(volume), steps, { name: file, upTo: 'foreground' });
    const cut = exact ? undefined : darkCut(file, volume, settings, box);
    if (cut) return [cut];
    const [, x, y, z] = viewShape(view);
    return exact ? tooSmall(file, [x, y, z], spacingOf(viewAffine(view)), demands) : [];
  } catch (error) {
    return [{ ...unreadable(error, file), advice: 'or remove the case from the list' }];
  }
}

/** Looks at the voxels of an image. */
export function judgeVoxels(file: string, { volume, nonFinite }: ReadVolume, demands: CaseDemands): Finding[] {
  const { preprocess: settings } = demands;
  if (!settings) return [];
  const named = namedAsLabels(file).length > 0;
  const found = [
    ...(named ? [] : holdsLabels(file, volume.data)),
    ...[...judgeNonFinite(nonFinite), ...judgeIntensities(volume, settings.intensity)].map((notice) => ({
      ...notice,
      file,
    })),
  ];
  if (found.some(({ severity }) => severity === 'error')) return found;
  return [...found, ...judgeForeground(file, volume, settings, demands)];
}

/** Looks at the voxels of a label map, beside its image. @throws UserError when it cannot be read */
export async function judgeLabelVoxels(
  item: Case,
  image: Volume,
  { classes, onImageGrid, ...others }: LabelDemands,
): Promise<{ findings: Finding[]; values: LabelValues | undefined }> {
  const settings = { codes: makeLabelCodes(classes, false, others), onImageGrid };
  const { values, notices } = await judgeLabel(item, gridOf(image), settings);
  return { findings: notices.map((notice) => ({ ...notice, file: item.label! })), values };
}

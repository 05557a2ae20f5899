import {
  gridOf,
  preprocessView,
  viewOf,
  viewShape,
  type LabelValues,
  type PreprocessSettings,
  type Volume,
} from '../../volume';
import type { Case } from '../datalist/case';
import { makeLabelCodes } from '../labelled/labelCodes';
import { judgeLabel } from '../labelled/readLabel';
import type { ReadVolume } from '../readImage';
import type { Finding } from '../../protocol/datasets';
import { tooSmall, unreadable } from './headers';
import { judgeIntensities, judgeNonFinite } from './intensities';
import { holdsLabels, namedAsLabels } from './labelMaps';
import type { CaseDemands, LabelDemands } from './types';

/**
 * Whether the foreground cut leaves something, and enough. The grid matters for how large it is, not for whether there is
 * any, so that nothing is resampled unless the size is asked for.
 */
function judgeForeground(file: string, volume: Volume, settings: PreprocessSettings, demands: CaseDemands): Finding[] {
  if (!settings.foreground) return [];
  const exact = demands.gridSize !== undefined && settings.resize === null;
  const steps = exact ? settings : { ...settings, orientation: null, spacing: null };
  try {
    const { view } = preprocessView(viewOf(volume), steps, { name: file, upTo: 'foreground' });
    return exact ? tooSmall(file, viewShape(view).slice(1), demands) : [];
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

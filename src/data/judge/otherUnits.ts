import { formatPercent, significant } from '../../text';
import { countBelow, ctHumps, offsetToHounsfield, type Notice } from '../../volume';
import type { IntensityWords } from './intensityWords';
import { error, isForHounsfield, shown, warning, type Values, type WindowSettings } from './measured';

/** What CT is multiplied by where it is stored so: for more digits, or to make it small numbers. */
const FACTORS = [10, 100, 1000];
/** Values of a CT that was divided by 1000. */
const SMALL = 5;

/** CT whose values are all a number of times too large or too small. */
export function multiplied({ sorted, least, most }: Values, settings: WindowSettings, words: IntensityWords): Notice[] {
  if (!isForHounsfield(settings)) return [];
  // A window that was scaled to −1 to 1 has its air at −1, too, whatever the window was.
  const isSmall = least >= -SMALL && most <= SMALL && (least < -1.001 || most > 1.001);
  const isCt = (factor: number): boolean => {
    const humps = ctHumps(sorted.map((value) => value / factor));
    return humps !== undefined && offsetToHounsfield(humps) === 0;
  };
  const factor = isSmall ? [1 / 1000].find(isCt) : least < -1500 ? FACTORS.find(isCt) : undefined;
  if (factor === undefined) return [];
  const { rescale = 1, offset = 0 } = settings;
  const keys = {
    rescale: significant(rescale / factor, 6),
    ...(offset !== 0 && { offset: Number(significant(offset / factor, 6)) }),
  };
  const what = factor > 1 ? `multiplied by ${factor}` : `divided by ${significant(1 / factor, 4)}`;
  return [error(`not in Hounsfield units: values are those of a CT ${what}`, words.stored(keys) + words.where)];
}

/** Below lies nothing in Hounsfield units but what scanners put outside of their field of view; above, but for metal, little. */
const [BELOW_AIR, ABOVE_BONE] = [-1200, 2000];
/** Share of the voxels out there from which on they are no accident, and numbers that are no padding of one or two values. */
const [STRANGE, MANY_VALUES] = [0.1, 20];

/** Values that spread where no Hounsfield units are, beside others that look like some. */
export function beyondHounsfield({ sorted }: Values, settings: WindowSettings, words: IntensityWords): Notice[] {
  if (!isForHounsfield(settings)) return [];
  const parts = [
    { part: sorted.subarray(0, countBelow(sorted, BELOW_AIR)), where: `below ${shown(BELOW_AIR)}` },
    { part: sorted.subarray(countBelow(sorted, ABOVE_BONE)), where: `above ${shown(ABOVE_BONE)}` },
  ];
  const said = parts.flatMap(({ part, where }) => {
    const share = part.length / sorted.length;
    return share >= STRANGE && new Set(part).size >= MANY_VALUES ? [`${formatPercent(share, 0)} lie ${where}`] : [];
  });
  if (said.length === 0) return [];
  return [
    warning(
      `most likely not in Hounsfield units: of the voxels ${said.join(' and ')}, where hardly anything of a CT is`,
      words.mr,
      words.silent,
    ),
  ];
}

import {
  ctHumps,
  finiteRange,
  isWrapped,
  offsetToHounsfield,
  percentile,
  shareBetween,
  sortedSample,
  unwrapped,
  type IntensitySettings,
  type Notice,
  type Volume,
} from '../../volume';
import { formatPercent, plural, significant } from '../../text';
import { TRAINING, type IntensityWords } from './intensityWords';
import { AT, error, isForHounsfield, shown, warning, type Values, type WindowSettings } from './measured';
import { beyondHounsfield, multiplied } from './otherUnits';

/** Shares of voxels from which on a window makes nothing of an image. */
const ALL_ABOVE = 0.75;
const NONE_INSIDE = 0.001;
const FEW_INSIDE = 0.01;
/** Values that lie closer together than this share of the window are one grey. */
const FLAT = 0.012;
/** Voxels of one lowest value from which on it is air, or what was cut away, and not chance. */
const FLOOR = 0.05;

/** The sample and the range after what the config says of how values are stored. */
function valuesOf(sorted: Float64Array, range: readonly [number, number], settings: IntensitySettings | null): Values {
  const { unwrap = false } = settings ?? {};
  const { rescale = 1, offset = 0 } = settings?.kind === 'window' ? settings : {};
  const meant = sorted.map((value) => (unwrap ? unwrapped(value) : value) * rescale + offset);
  if (unwrap) meant.sort();
  const [least, most] = unwrap ? [meant[0]!, meant.at(-1)!] : range.map((value) => value * rescale + offset);
  return { sorted: meant, least: least!, most: most! };
}

/** Constant volumes and what has no number, for any settings. */
function emptiness([least, most]: readonly [number, number], words: IntensityWords): Notice[] {
  if (least > most) return [error('no voxel holds a number', words.empty)];
  if (least < most) return [];
  return [error(`all voxels have the same value, ${shown(least)}`, words.empty)];
}

function wrapped(values: Values, settings: IntensitySettings | null, words: IntensityWords): Notice[] {
  if (settings?.unwrap || !isWrapped(values.sorted)) return [];
  const from = values.sorted.find((value) => value > 32_768)!;
  return [
    error(
      `negative values were stored as unsigned 16-bit numbers: ${shown(from)} is ${shown(from - 65_536)} + 65536`,
      settings ? words.stored({ unwrap: true }) : 'store the file as signed 16-bit numbers',
    ),
  ];
}

/** CT whose values are all too high or too low by the same number. */
function shifted({ sorted }: Values, settings: WindowSettings, words: IntensityWords): Notice[] {
  const humps = ctHumps(sorted);
  const by = humps ? offsetToHounsfield(humps) : 0;
  if (!humps || by === 0) return [];
  // A window of other units may be right for an image with such humps, where it reaches what would be soft tissue.
  if (!isForHounsfield(settings) && settings.high > humps.tissue - 100) return [];
  return [
    error(
      `not in Hounsfield units: air is at ${shown(humps.air)} and soft tissue near ${shown(humps.tissue)}, ` +
        `${shown(Math.abs(by))} too ${by < 0 ? 'high' : 'low'} for CT`,
      words.stored({ offset: (settings.offset ?? 0) + by }) + words.where,
      words.mr,
    ),
  ];
}

/** Values in a scale of their own, which whoever made the file chose. */
function scaled({ least, most, sorted }: Values, { low, high }: WindowSettings, words: IntensityWords): Notice[] {
  const unit = least >= -1.001 && most <= 1.001;
  const bytes = isForHounsfield({ low, high }) && least === 0 && most >= 254.5 && most <= 255.001;
  if (!(unit && high - low >= 20) && !bytes) return [];
  const [from, to] = unit ? [least < -0.5 ? -1 : 0, 1] : [0, 255];
  const rescale = (high - low) / (to - from);
  const keys = { rescale: significant(rescale, 6), offset: Number(significant(low - from * rescale, 6)) };
  const zero = shareBetween(sorted, from, from + (to - from) / 1000);
  const note = zero >= FLOOR ? `, ${formatPercent(zero, 0)} of the voxels at ${from}` : '';
  return [
    error(
      `not in Hounsfield units: values are scaled to ${shown(from)} to ${to}${note}`,
      `if they were scaled from the window ${low} to ${high}, ${words.stored(keys)}`,
      ...words.choice(`else set ${AT}.low to ${from} and ${AT}.high to ${to}`),
      words.anyway,
    ),
  ];
}

/** Nothing below 0, where Hounsfield units of air and fat are. */
function withoutNegatives({ sorted, least, most }: Values, settings: WindowSettings, words: IntensityWords): Notice[] {
  if (!isForHounsfield(settings)) return [];
  const floor = shareBetween(sorted, least, least + Math.max(1e-9, (most - least) * 1e-4));
  if (least < 0) return clippedAbove(least, floor, settings, words);
  const body = sorted.subarray(Math.round(floor * sorted.length));
  if (floor >= FLOOR && body.length > 0) {
    const middle = percentile(body, 0.5);
    const at = `${formatPercent(floor, 0)} of the voxels are ${shown(least)} and none is below`;
    if (least < 1 && middle < 250 && percentile(body, 0.99) < 3100)
      return [
        error(
          `not Hounsfield units as they were: ${at}, as CT has it that was clipped at 0`,
          'take the original file',
          ...words.choice(`or set ${AT}.low to 0, which says that nothing below 0 is needed`),
          words.mr,
          words.anyway,
        ),
      ];
    return [
      error(
        `not in Hounsfield units: ${at}; other voxels lie around ${shown(middle)}`,
        words.mr,
        `for CT that is stored 1024 too high ${words.stored({ offset: (settings.offset ?? 0) - 1024 })}`,
        words.anyway,
      ),
    ];
  }
  const [first, last] = [percentile(sorted, 0.01), percentile(sorted, 0.99)];
  // Inside of an organ there is neither air nor fat, and little contrast.
  if (last <= 700 && last - first <= 250) return [];
  return [
    warning(
      `lowest value is ${shown(least)}: not Hounsfield units, which go below 0 in air and fat`,
      `for CT stored 1024 too high ${words.stored({ offset: (settings.offset ?? 0) - 1024 })}`,
      words.mr,
      words.silent,
    ),
  ];
}

/** CT that was clipped inside of the window. */
function clippedAbove(least: number, floor: number, { low, high }: WindowSettings, words: IntensityWords): Notice[] {
  if (floor < FLOOR || least < low + 0.15 * (high - low)) return [];
  return [
    warning(
      `${formatPercent(floor, 0)} of the voxels are ${shown(least)} and none is below: clipped above the low end of the window, ${low}`,
      [...words.choice(`set ${AT}.low to ${Math.round(least)}`), 'take the original file'].join(', or '),
      words.silent,
    ),
  ];
}

/** A window that lies beside the values, so that nothing of the image is left. */
function besideWindow(
  { sorted, least, most }: Values,
  { low, high, clip, offset = 0 }: WindowSettings,
  words: IntensityWords,
): Notice[] {
  if (!clip) return [];
  const above = 1 - shareBetween(sorted, -Infinity, high);
  const inside = shareBetween(sorted, low, high) - shareBetween(sorted, low, low + 1e-9);
  const window = `the window ${shown(low)} to ${shown(high)}`;
  const range = `values are ${shown(least)} to ${shown(most)}`;
  const middle = percentile(sorted, 0.5) - 1024;
  const stored = low < 0 && middle > -200 && middle < 400;
  const advice = [
    ...words.choice(`set ${AT}.low and ${AT}.high to the image's units, or take ${AT}.kind "zscore"`),
    ...(stored ? [`for CT stored 1024 too high ${words.stored({ offset: offset - 1024 })}`] : []),
    words.anyway,
  ];
  if (above >= ALL_ABOVE)
    return [error(`${formatPercent(above, 0)} of the voxels lie above ${window}: ${range}`, ...advice)];
  if (inside < NONE_INSIDE) return [error(`hardly a voxel lies in ${window}: ${range}`, ...advice)];
  if (inside < FEW_INSIDE)
    return [warning(`only ${formatPercent(inside, 1)} of the voxels lie in ${window}: ${range}`, ...advice)];
  const spread = Math.min(high, percentile(sorted, 0.998)) - Math.max(low, percentile(sorted, 0.002));
  if (spread / (high - low) >= FLAT) return [];
  return [error(`nearly all voxels become the same grey in ${window}: ${range}`, ...advice)];
}

function windowNotices(values: Values, settings: WindowSettings, words: IntensityWords): Notice[] {
  const { low, high } = settings;
  // A window that the config's own check refuses.
  if (!(high > low)) return [];
  const found = [shifted, multiplied, scaled, besideWindow, withoutNegatives, beyondHounsfield]
    .map((rule) => rule(values, settings, words))
    .flat();
  // The first that speaks says most: what follows from it is not told as well.
  return [found.find(({ severity }) => severity === 'error') ?? found[0]].filter((one) => one !== undefined);
}

/** What is summed up of the stored values of a channel. */
export interface StoredValues {
  /** Rising. */
  readonly sample: Float64Array;
  /** Of all voxels; infinite when there is no number among them. */
  readonly range: readonly [least: number, most: number];
}

/** Sums up the values of each channel, for {@link judgeStoredValues}. */
export function storedValues(volume: Volume): StoredValues[] {
  const channels = volume.shape[0];
  const length = volume.data.length / channels;
  return Array.from({ length: channels }, (_, c) => {
    const data = volume.data.subarray(c * length, (c + 1) * length);
    return { sample: sortedSample(data), range: finiteRange(data) };
  });
}

function judgeChannel(
  { sample, range }: StoredValues,
  settings: IntensitySettings | null,
  words: IntensityWords,
): Notice[] {
  const empty = emptiness(range, words);
  if (empty.length > 0) return empty;
  // A sample of an image of few numbers may hold none.
  if (settings?.check === false || sample.length === 0) return [];
  const values = valuesOf(sample, range, settings);
  const found = wrapped(values, settings, words);
  if (found.length > 0 || settings?.kind !== 'window') return found;
  return windowNotices(values, settings, words);
}

/** {@link judgeIntensities} of values that were summed up: after a change of the settings nothing is read anew. */
export function judgeStoredValues(
  channels: readonly StoredValues[],
  settings: IntensitySettings | null,
  words = TRAINING,
): Notice[] {
  const isEmpty = ({ range: [least, most] }: StoredValues): boolean => !(least < most);
  const found = channels.map((values) => judgeChannel(values, settings, words));
  if (channels.length === 1) return found[0]!;
  // An empty channel of several can be missing on purpose.
  const allEmpty = channels.every(isEmpty);
  return found.flatMap((notices, c) =>
    notices.map((notice) => ({
      ...notice,
      severity: isEmpty(channels[c]!) && !allEmpty ? ('warning' as const) : notice.severity,
      message: `channel ${c}: ${notice.message}`,
    })),
  );
}

/**
 * What is to be said of an image's intensities before anything learns from them: whether they are numbers, differ at all, and are
 * in the units that the config's window is made for.
 *
 * @param volume as read, before any step of the preprocessing
 * @param settings the config's intensity step
 * @param words for what the image is to be used
 * @returns errors where the window would make nonsense of the values, warnings where that is not sure
 */
export function judgeIntensities(volume: Volume, settings: IntensitySettings | null, words = TRAINING): Notice[] {
  return judgeStoredValues(storedValues(volume), settings, words);
}

/** What is to be said of voxels that are not numbers. */
export function judgeNonFinite({ nan, infinite }: { readonly nan: number; readonly infinite: number }): Notice[] {
  const bad = nan + infinite;
  if (bad === 0) return [];
  return [
    warning(
      `${bad} ${plural(bad, 'voxel is', 'voxels are')} NaN or infinite`,
      'they are replaced by the low end of the intensity window, or the least value; check how the file was made',
    ),
  ];
}

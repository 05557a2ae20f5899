import { counted, formatCount, listOf, significant, plural } from '../text';
import type { Notice } from './notice';
import type { VoxelArray } from './types';

/** Values this close to a whole number are meant to be it: labels that were stored as scaled integers. */
const ROUNDED = 0.05 + 1e-6;
/** Different values of a file beyond which counting stops: no label map has so many. */
const MOST_VALUES = 4096;
/** Values of no class from which on a label file is taken for an image. */
const MANY_VALUES = 64;

/** The values of a label map. */
export interface LabelValues {
  /** Voxels of each whole number, after rounding. */
  readonly counts: ReadonlyMap<number, number>;
  /** Voxels that were rounded, and the value that was farthest from a whole number. */
  readonly rounded: { readonly voxels: number; readonly example: number };
  /** Voxels that are not near a whole number, and a few of their values. */
  readonly between: { readonly voxels: number; readonly examples: readonly number[] };
  /** Voxels that are NaN or infinite. */
  readonly nonFinite: number;
  /** Different values as stored; counting stops at {@link MOST_VALUES}, and the counts are then those of the first voxels. */
  readonly distinct: number;
  readonly min: number;
  readonly max: number;
  /** What all values other than 0 are whole multiples of, where that is not 1: labels that were scaled. */
  readonly multiplesOf?: number;
}

/** Counts the stored values, up to {@link MOST_VALUES} different ones, and finds the range of all. */
function countStored(data: VoxelArray): { stored: Map<number, number>; min: number; max: number; nonFinite: number } {
  const stored = new Map<number, number>();
  let [min, max, nonFinite] = [Infinity, -Infinity, 0];
  let [last, run] = [NaN, 0];
  const keep = (): void => {
    if (run > 0 && (stored.has(last) || stored.size < MOST_VALUES)) stored.set(last, (stored.get(last) ?? 0) + run);
  };
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value === last) run++;
    else if (value - value !== 0) nonFinite++;
    else {
      keep();
      [last, run] = [value, 1];
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  keep();
  return { stored, min, max, nonFinite };
}

function commonFactor(values: readonly number[]): number | undefined {
  const sizes = values.filter((value) => value !== 0).map(Math.abs);
  if (sizes.length === 0 || sizes.length > 256) return undefined;
  const least = sizes.reduce((a, b) => Math.min(a, b));
  const whole = sizes.every((size) => Math.abs(size / least - Math.round(size / least)) < 1e-3);
  return whole && Math.abs(least - 1) > 1e-3 ? least : undefined;
}

/** The whole number that a stored label stands for; undefined where it is near none. */
export function wholeLabel(value: number): number | undefined {
  const whole = Math.round(value) + 0;
  return Math.abs(value - whole) <= ROUNDED ? whole : undefined;
}

/** Counts the values of a label map; see {@link judgeLabelValues} for what they mean. */
export function countLabelValues(data: VoxelArray): LabelValues {
  const { stored, min, max, nonFinite } = countStored(data);
  const counts = new Map<number, number>();
  const examples: number[] = [];
  let [rounded, example, between] = [0, 0, 0];
  for (const [value, voxels] of stored) {
    const whole = wholeLabel(value);
    if (whole === undefined) {
      between += voxels;
      if (examples.length < 3) examples.push(value);
      continue;
    }
    counts.set(whole, (counts.get(whole) ?? 0) + voxels);
    if (value === whole) continue;
    rounded += voxels;
    if (Math.abs(value - whole) > Math.abs(example - Math.round(example))) example = value;
  }
  const multiplesOf = rounded + between > 0 ? commonFactor([...stored.keys()]) : undefined;
  return {
    counts,
    rounded: { voxels: rounded, example },
    between: { voxels: between, examples },
    nonFinite,
    distinct: stored.size,
    min,
    max,
    ...(multiplesOf !== undefined && { multiplesOf }),
  };
}

/** Label values as whole numbers: the same array when they are, else rounded. */
export function wholeLabels(data: VoxelArray, { rounded }: LabelValues): VoxelArray {
  return rounded.voxels === 0 ? data : Int32Array.from(data, Math.round);
}

/** The values that a task knows. */
export interface KnownLabels {
  /** Values of its classes; 0 is always background. */
  readonly values: readonly number[];
  /** The value of voxels that are left out. */
  readonly ignore?: number | null;
  /** What values of no class are. */
  readonly unlisted: 'error' | 'background';
}

const shown = (value: number): string => significant(value, 5).replace('-', '−');

/** Whether the values are those of an image rather than of a label map. */
function isImage(values: LabelValues, strangers: number): boolean {
  const { distinct, min, max } = values;
  if (distinct >= MOST_VALUES && (min < 0 || max > 255)) return true;
  if (distinct > 256 && (min < -1 || max > 255) && values.between.voxels > 0) return true;
  return strangers > MANY_VALUES || (min < -1 && distinct > MANY_VALUES);
}

function notWhole(values: LabelValues): Notice | undefined {
  const { between, counts, rounded, multiplesOf, min, max } = values;
  const emptied =
    between.voxels === 0 && rounded.voxels > 0 && counts.size === 1 && counts.has(0) && (max > 1e-3 || min < -1e-3);
  if (between.voxels === 0 && !emptied) return undefined;
  const range = `its values lie between ${shown(min)} and ${shown(max)}`;
  if (multiplesOf !== undefined)
    return {
      severity: 'error',
      message: `holds multiples of ${shown(multiplesOf)} instead of whole numbers; ${range}`,
      advice: `the header's scaling (scl_slope) does not belong to labels, or they were scaled like an image: store whole numbers`,
    };
  const examples = listOf(between.examples.map(shown), 'and');
  const fractions = min >= 0 && max <= 1;
  return {
    severity: 'error',
    message: fractions
      ? `holds fractions between 0 and 1${examples && ` (${examples}, …)`}, as a probability map or a scaled image does`
      : `${counted(between.voxels, 'voxel')} lie between whole numbers (${examples}, …); ${range}`,
    advice: fractions
      ? 'name the label map, or threshold the probabilities'
      : 'if the label map was resampled, do so with the nearest voxel, not with interpolation; if it is an image, name the label map',
  };
}

/** "77 (12 voxels) and 99 (1,204 voxels)", of many the first few. */
function listed(entries: readonly (readonly [number, number])[]): string {
  const texts = entries.slice(0, 6).map(([value, voxels]) => `${shown(value)} (${counted(voxels, 'voxel')})`);
  return entries.length > 6 ? `${texts.join(', ')}, …` : listOf(texts, 'and');
}

/**
 * What is to be said of the values of a label map: whether they are whole numbers, whether the task knows them, whether there are
 * any. Training, evaluation and checks of data go by the same words.
 *
 * @param known the task's values; undefined: any whole number from 0
 */
export function judgeLabelValues(values: LabelValues, known?: KnownLabels): Notice[] {
  const expected = new Set([0, ...(known?.values ?? []), ...(known?.ignore == null ? [] : [known.ignore])]);
  const unknown = (value: number): boolean => (known ? !expected.has(value) : value < 0);
  const strangers = [...values.counts].filter(([value]) => unknown(value)).sort(([a], [b]) => a - b);
  if (isImage(values, strangers.length)) {
    const many =
      values.distinct >= MOST_VALUES ? `more than ${formatCount(MOST_VALUES)}` : formatCount(values.distinct);
    return [
      {
        severity: 'error',
        message: `is an image, not a label map: it holds ${many} different values from ${shown(values.min)} to ${shown(values.max)}`,
        advice: 'name the label map of the case',
      },
    ];
  }
  if (values.nonFinite > 0)
    return [
      {
        severity: 'error',
        message: `${counted(values.nonFinite, 'voxel')} of the label map are NaN or infinite`,
        advice: 'write 0 there, and store label maps as whole numbers',
      },
    ];
  const fraction = notWhole(values);
  if (fraction) return [fraction];
  return [...rounding(values), ...classless(strangers, known), ...emptiness(values, expected, known)];
}

function rounding({ rounded }: LabelValues): Notice[] {
  if (rounded.voxels === 0) return [];
  return [
    {
      severity: 'warning',
      message: `${counted(rounded.voxels, 'voxel')} are not whole numbers, such as ${significant(rounded.example, 7)}; they are rounded`,
      advice: 'store label maps as whole numbers, without scaling',
    },
  ];
}

function classless(strangers: readonly (readonly [number, number])[], known: KnownLabels | undefined): Notice[] {
  if (strangers.length === 0) return [];
  const found = `has ${strangers.length === 1 ? 'the value' : 'the values'} ${listed(strangers)}`;
  if (!known)
    return [{ severity: 'error', message: `${found}, below 0`, advice: 'store label maps as whole numbers from 0' }];
  const values = [...new Set(known.values)].sort((a, b) => a - b).join(', ');
  const which = strangers.length === 1 ? 'which belongs' : 'which belong';
  const message = `${found}, ${which} to no class of the task (values: ${values})`;
  if (known.unlisted === 'background')
    return [
      {
        severity: 'info',
        message: `${message}; ${strangers.length === 1 ? 'it counts' : 'they count'} as background`,
        advice: 'nothing to do',
      },
    ];
  return [
    {
      severity: 'error',
      message,
      advice: `add ${plural(strangers.length, 'it', 'them')} to task.classes, set task.unlisted to "background", or leave ${plural(strangers.length, 'it', 'one value')} out with task.ignore`,
    },
  ];
}

function emptiness({ counts }: LabelValues, expected: ReadonlySet<number>, known: KnownLabels | undefined): Notice[] {
  const labelled = [...counts.keys()].some(
    (value) => value !== 0 && value !== known?.ignore && (!known || expected.has(value)),
  );
  if (labelled) return [];
  return [
    {
      severity: 'warning',
      message: known ? 'has no voxel of any class: all is background' : 'is empty: all voxels are 0',
      advice: 'check that this is the right label file, or leave the case out',
    },
  ];
}

import { UserError } from '../errors/userError';
import { spacingOf, type Vector3 } from './affine';
import { axisCodes } from './axcodes';
import { newArrayLike } from './layout/stridedCopy';
import { cropBox, type Box } from './transforms/box';
import { foregroundBox } from './transforms/cropForeground';
import { normalizeIntensity, scaleIntensityRange, type IntensityWindow } from './transforms/intensity';
import { orient } from './transforms/orientation';
import { resize } from './transforms/resize';
import { resampleToSpacing } from './transforms/spacing';
import type { Volume, VoxelArray } from './types';

export type IntensitySettings =
  ({ readonly kind: 'window' } & IntensityWindow) | { readonly kind: 'zscore'; readonly nonzero: boolean };

/** The steps that every volume goes through, in this order; null leaves a step out. */
export interface PreprocessSettings {
  /** Axis codes such as `RAS`. */
  readonly orientation: string | null;
  /** Millimetres. */
  readonly spacing: Vector3 | null;
  readonly intensity: IntensitySettings | null;
  /** Cut to the box of voxels above the threshold, which is in units after the intensity step. */
  readonly foreground: { readonly threshold: number } | null;
  /** Voxels. */
  readonly resize: Vector3 | null;
}

export interface PreprocessOptions {
  /** The volume is a label: nearest neighbour, no intensity step, and cut to the box of its image. */
  readonly label?: boolean;
  /** For a label: the box that its image was cut to. */
  readonly box?: Box;
  /** Tell what the volume is like after each step. */
  readonly trace?: boolean;
  /** Gets the volume after each step, and what it is like. */
  readonly onStage?: (stage: PreprocessStage, volume: Volume) => void;
  /** The volume went through the steps up to this one already; they are left out. */
  readonly done?: PreprocessStage['stage'];
  /** What errors call the volume: its file. */
  readonly name?: string;
}

const ORDER = ['load', 'orientation', 'spacing', 'intensity', 'foreground', 'resize'] as const;

/** What a volume is like after a step. */
export interface PreprocessStage {
  readonly stage: (typeof ORDER)[number];
  readonly shape: Volume['shape'];
  readonly spacing: readonly [number, number, number];
  readonly orientation: string;
  readonly range: readonly [min: number, max: number];
}

export interface Preprocessed {
  readonly volume: Volume;
  /** The foreground box, in voxels before the cut. */
  readonly box?: Box;
  readonly trace?: readonly PreprocessStage[];
}

/** The least and largest finite value; infinite ones (∞, −∞) when there is none. */
export function finiteRange(data: VoxelArray): [min: number, max: number] {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return integerRange(data);
  let [min, max] = [Infinity, -Infinity];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < min && value !== -Infinity) min = value;
    if (value > max && value !== Infinity) max = value;
  }
  return [min, max];
}

/** Starts from a voxel and not from infinity: comparisons of integers are much faster. */
function integerRange(data: VoxelArray): [min: number, max: number] {
  if (data.length === 0) return [Infinity, -Infinity];
  let [min, max] = [data[0]!, data[0]!];
  for (let i = 1; i < data.length; i++) {
    const value = data[i]!;
    if (value < min) min = value;
    else if (value > max) max = value;
  }
  return [min, max];
}

/** Gives every NaN or infinite voxel one value, before interpolation could spread it; integers have none. */
function withoutNonFinite(volume: Volume, value: () => number): Volume {
  const source = volume.data;
  if (!(source instanceof Float32Array || source instanceof Float64Array)) return volume;
  let first = 0;
  while (first < source.length && Number.isFinite(source[first])) first++;
  if (first === source.length) return volume;
  const data = newArrayLike(source, source.length);
  const filler = value();
  for (let i = 0; i < data.length; i++) data[i] = Number.isFinite(source[i]) ? source[i]! : filler;
  return { ...volume, data };
}

function filler(volume: Volume, settings: PreprocessSettings, options: PreprocessOptions): number {
  if (options.label) return 0;
  if (settings.intensity?.kind === 'window') return settings.intensity.low;
  const [least] = finiteRange(volume.data);
  if (!Number.isFinite(least)) throw new UserError(`${nameOf(options)}: no voxel holds a number`);
  return least;
}

function nameOf(options: PreprocessOptions): string {
  return options.name ?? 'the volume';
}

function applyIntensity(volume: Volume, settings: IntensitySettings): Volume {
  if (settings.kind === 'window') return scaleIntensityRange(volume, settings);
  return normalizeIntensity(volume, { nonzero: settings.nonzero });
}

function boxFor(volume: Volume, threshold: number, options: PreprocessOptions): Box {
  if (options.label) {
    if (!options.box) throw new Error('a label is cut to the box of its image: pass it');
    return options.box;
  }
  const box = foregroundBox(volume, threshold);
  if (box.end[0] === 0) {
    throw new UserError(
      `${nameOf(options)}: no voxel is above the foreground threshold ${threshold} after the intensity step: check the intensity window and the threshold`,
    );
  }
  return box;
}

/**
 * Brings a volume to the form that training wants: orientation, spacing (trilinear; labels nearest), intensity, foreground cut,
 * resize (trilinear with aligned corners; labels nearest). NaN and infinite voxels first become the low end of the intensity window, or,
 * without a window, the least finite value; in labels 0.
 *
 * @returns float32 `[C, X, Y, Z]` for images whose intensity or grid changed; labels keep their type.
 * @throws UserError naming `options.name` when the volume has no foreground or no finite voxel, or a setting is not valid.
 */
export function preprocess(
  volume: Volume,
  settings: PreprocessSettings,
  options: PreprocessOptions = {},
): Preprocessed {
  const mode = options.label ? 'nearest' : 'linear';
  const trace: PreprocessStage[] = [];
  let box: Box | undefined;
  let current = volume;
  const finished = options.done === undefined ? -1 : ORDER.indexOf(options.done);
  const step = (stage: PreprocessStage['stage'], work: () => Volume) => {
    if (ORDER.indexOf(stage) <= finished) return;
    current = work();
    if (!options.trace && !options.onStage) return;
    const described = describeStage(stage, current);
    trace.push(described);
    options.onStage?.(described, current);
  };
  const { orientation, spacing, intensity, foreground, resize: size } = settings;
  try {
    step('load', () => withoutNonFinite(current, () => filler(volume, settings, options)));
    if (orientation !== null) step('orientation', () => orient(current, orientation));
    if (spacing !== null) step('spacing', () => resampleToSpacing(current, spacing, mode));
    if (intensity !== null && !options.label) step('intensity', () => applyIntensity(current, intensity));
    if (foreground !== null) {
      step('foreground', () => {
        box = boxFor(current, foreground.threshold, options);
        return cropBox(current, box);
      });
    }
    if (size !== null) step('resize', () => resize(current, size, { mode }));
  } catch (error) {
    throw nameError(error, options);
  }
  return { volume: current, ...(box && { box }), ...(options.trace && { trace }) };
}

function nameError(error: unknown, options: PreprocessOptions): unknown {
  if (!(error instanceof UserError) || !options.name || error.message.startsWith(options.name)) return error;
  return new UserError(`${options.name}: ${error.message}`, error.exitCode, { cause: error });
}

function describeStage(stage: PreprocessStage['stage'], volume: Volume): PreprocessStage {
  return {
    stage,
    shape: volume.shape,
    spacing: spacingOf(volume.affine),
    orientation: axisCodes(volume.affine),
    range: finiteRange(volume.data),
  };
}

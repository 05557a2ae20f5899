import { voxelCount, type Box, type Vec3 } from '../geometry';
import { UserError } from '../errors/userError';
import { spacingOf } from './affine';
import { axisCodes } from './axcodes';
import { newArrayLike } from './layout/stridedCopy';
import { finiteRange, rangeOfView, scaledRange, type Range } from './layout/range';
import type { Mode } from './layout/sampling';
import { cutView, viewAffine, viewOf, viewShape, voxelsOf, type VoxelView } from './layout/voxelView';
import { foregroundOfView, type Threshold } from './transforms/cropForeground';
import {
  normalizedView,
  percentileView,
  storedWindow,
  windowedView,
  type IntensityWindow,
  type PercentileWindow,
} from './transforms/intensity';
import { unwrap } from './intensities/wrapped';
import { orient } from './transforms/orientation';
import { resize, resizeView } from './transforms/resize';
import { resampleToSpacing } from './transforms/spacing';
import type { Volume } from './types';

/** What both kinds of intensity settings may say of how values are stored. */
interface StoredValues {
  /** Negative values were stored as unsigned 16-bit numbers and are turned back (64512 to −1024). */
  readonly unwrap?: boolean;
  /** False: values are not judged before they are used. */
  readonly check?: boolean;
}

export type IntensitySettings = StoredValues &
  (
    | ({ readonly kind: 'window' } & IntensityWindow)
    | { readonly kind: 'zscore'; readonly nonzero: boolean }
    | ({ readonly kind: 'percentile' } & PercentileWindow)
  );

/** The steps that every volume goes through, in this order; null leaves a step out. */
export interface PreprocessSettings {
  /** Axis codes such as `RAS`. */
  readonly orientation: string | null;
  /** Millimetres. */
  readonly spacing: Vec3 | null;
  readonly intensity: IntensitySettings | null;
  /** Cut to the box of voxels above the threshold, which is in units after the intensity step, or of those that are stored as another number than 0. */
  readonly foreground: { readonly threshold: Threshold } | null;
  /** Voxels. */
  readonly resize: Vec3 | null;
}

export interface PreprocessOptions {
  /** The volume is a label: nearest neighbour, no intensity step, and cut to the box of its image. */
  readonly label?: boolean;
  /** For a label: the box that its image was cut to. */
  readonly box?: Box;
  /** Tell what the volume is like after each step. */
  readonly trace?: boolean;
  /** Gets the volume after each step, and what it is like. */
  readonly onStage?: (stage: PreprocessStage, view: VoxelView) => void;
  /** What errors call the volume: its file. */
  readonly name?: string;
}

const ORDER = ['load', 'orientation', 'spacing', 'intensity', 'foreground', 'resize'] as const;

export type StageName = (typeof ORDER)[number];

/** What a volume is like after a step. */
export interface PreprocessStage {
  readonly stage: StageName;
  readonly shape: Volume['shape'];
  readonly spacing: Vec3;
  readonly orientation: string;
  readonly range: Range;
}

/** A part of the steps. */
export interface PreprocessPart {
  /** The view went through the steps up to this one already, which left it so; they are left out. */
  readonly after?: PreprocessStage;
  /** The last step that is done. */
  readonly upTo?: StageName;
}

export interface Preprocessed {
  readonly volume: Volume;
  /** The foreground box, in voxels before the cut. */
  readonly box?: Box;
  readonly trace?: readonly PreprocessStage[];
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
  if (settings.intensity?.kind === 'window') return storedWindow(settings.intensity)[0];
  const [least] = finiteRange(volume.data);
  if (!Number.isFinite(least)) throw new UserError(`${nameOf(options)}: no voxel holds a number`);
  return least;
}

function nameOf(options: PreprocessOptions): string {
  return options.name ?? 'the volume';
}

function boxFor(view: VoxelView, threshold: Threshold, options: PreprocessOptions): Box {
  if (options.label) {
    if (!options.box) throw new Error('a label is cut to the box of its image: pass it');
    return options.box;
  }
  const box = foregroundOfView(view, threshold);
  if (voxelCount(box.size) === 0) {
    if (threshold === 'nonzero') throw new UserError(`${nameOf(options)}: all voxels are 0: there is no foreground`);
    throw new UserError(
      `${nameOf(options)}: no voxel is above the foreground threshold ${threshold} after the intensity step: check the intensity window and the threshold`,
    );
  }
  return box;
}

/**
 * Brings a volume to the form that training wants: orientation, spacing (trilinear; labels nearest), intensity, foreground cut,
 * resize (trilinear with aligned corners; labels nearest). Wrapped values are turned back first (`unwrap`). NaN and infinite voxels become the low end of the intensity window, or,
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
  const { view, ...rest } = preprocessView(viewOf(volume), settings, options);
  return { ...rest, volume: voxelsOf(view) };
}

/**
 * A part of the steps of {@link preprocess}, on a volume whose intensities are scaled and which is cut only where its voxels are read:
 * so a step can be done again without those before it.
 */
export function preprocessView(
  view: VoxelView,
  settings: PreprocessSettings,
  options: PreprocessOptions & PreprocessPart = {},
): Omit<Preprocessed, 'volume'> & { readonly view: VoxelView } {
  const trace: PreprocessStage[] = [];
  let box: Box | undefined;
  let current = view;
  let last = options.after;
  const [done, end] = [last ? ORDER.indexOf(last.stage) : -1, ORDER.indexOf(options.upTo ?? 'resize')];
  try {
    for (const { stage, work } of stepsFor(settings, options, (found) => (box = found))) {
      const place = ORDER.indexOf(stage);
      if (place <= done || place > end) continue;
      current = work(current);
      if (!options.trace && !options.onStage) continue;
      last = describeStage(stage, current, last?.range);
      trace.push(last);
      options.onStage?.(last, current);
    }
  } catch (error) {
    throw nameError(error, options);
  }
  return { view: current, ...(box && { box }), ...(options.trace && { trace }) };
}

interface Step {
  readonly stage: StageName;
  readonly work: (view: VoxelView) => VoxelView;
}

/** The steps that the settings ask for, in order. */
function stepsFor(settings: PreprocessSettings, options: PreprocessOptions, onBox: (box: Box) => void): Step[] {
  const { orientation, spacing, intensity, foreground, resize: size } = settings;
  const mode = options.label ? 'nearest' : 'linear';
  const whole = (work: (volume: Volume) => Volume) => (view: VoxelView) => viewOf(work(voxelsOf(view)));
  const stored = (volume: Volume): Volume => (intensity?.unwrap && !options.label ? unwrap(volume) : volume);
  const replaced = (volume: Volume) => withoutNonFinite(stored(volume), () => filler(volume, settings, options));
  const cut = (view: VoxelView, threshold: Threshold) => {
    const box = boxFor(view, threshold, options);
    onBox(box);
    return cutView(view, box);
  };
  const steps: (Step | false)[] = [
    { stage: 'load', work: whole(replaced) },
    orientation !== null && { stage: 'orientation', work: whole((volume) => orient(volume, orientation)) },
    spacing !== null && { stage: 'spacing', work: whole((volume) => resampleToSpacing(volume, spacing, mode)) },
    intensity !== null && !options.label && { stage: 'intensity', work: (view) => scaledView(view, intensity) },
    foreground !== null && { stage: 'foreground', work: (view) => cut(view, foreground.threshold) },
    size !== null && { stage: 'resize', work: (view) => resizedView(view, size, mode) },
  ];
  return steps.filter((step) => step !== false);
}

function scaledView(view: VoxelView, settings: IntensitySettings): VoxelView {
  if (settings.kind === 'window') return windowedView(view, settings);
  return settings.kind === 'zscore' ? normalizedView(view, settings) : percentileView(view, settings);
}

function resizedView(view: VoxelView, size: Vec3, mode: Mode): VoxelView {
  return viewOf(mode === 'linear' ? resizeView(view, size) : resize(voxelsOf(view), size, { mode }));
}

function nameError(error: unknown, options: PreprocessOptions): unknown {
  if (!(error instanceof UserError) || !options.name || error.message.startsWith(options.name)) return error;
  return new UserError(`${options.name}: ${error.message}`, error.exitCode, { cause: error });
}

function describeStage(stage: StageName, view: VoxelView, before: Range | undefined): PreprocessStage {
  const affine = viewAffine(view);
  return {
    stage,
    shape: viewShape(view),
    spacing: spacingOf(affine),
    orientation: axisCodes(affine),
    range: rangeAfter(stage, view, before),
  };
}

/** The range of values after a step, from the one before where that tells it or how far to look. */
function rangeAfter(stage: StageName, view: VoxelView, before: Range | undefined): Range {
  if (before && stage === 'orientation') return before;
  if (before && stage === 'intensity') return scaledRange(view, before) ?? rangeOfView(view);
  return rangeOfView(view, stage === 'foreground' ? before : undefined);
}

import type { PretrainConfig } from '../config';
import { channelToRead, type StoredChannel } from '../data/channels';
import { holdsLabels, judgeStoredValues, namedAsLabels, storedValues, type StoredValues } from '../data/judge';
import { readImage } from '../data/volumeStore';
import { UserError } from '../errors/userError';
import type { StagePreview } from '../protocol/crops';
import type { Box } from '../geometry';
import {
  cutView,
  gridOf,
  noticeText,
  percentile,
  preprocessView,
  sortedSample,
  storedWindow,
  viewOf,
  viewShape,
  voxelsOf,
  type Grid,
  type PreprocessStage,
  type StageName,
  type Volume,
  type VoxelView,
} from '../volume';
import { inGrey, sliceOf, type NumberSlice } from './images';

const THUMBNAIL = 128;
/** Bytes of volumes in between that are kept, those of later steps first; others are made again. */
const KEPT_BYTES = 1 << 30;

type DataSettings = Pick<PretrainConfig['data'], 'channel' | 'preprocess'>;
type Settings = DataSettings['preprocess'];

/** The volume after the last step, and each step on the way. */
export interface Staged {
  readonly volume: Volume<Float32Array>;
  readonly range: readonly [number, number];
  readonly stages: readonly StagePreview[];
  /** Of the stored image, and the foreground box that it was cut to: what its masks need. */
  readonly grid: Grid;
  readonly box: Box | undefined;
  /** Oddities of the files. */
  readonly warnings: readonly string[];
}

/** What is there after some of the steps. */
interface Progress {
  readonly view: VoxelView;
  /** The foreground box, once it was cut to it. */
  readonly box?: Box;
  readonly stages: readonly SlicedStage[];
}

/** A step with the middle slice after it, in numbers: its greys depend on the window, which later steps have. */
interface SlicedStage extends PreprocessStage {
  readonly slice: NumberSlice;
}

interface Kept extends Progress {
  /** Everything that it came from. */
  readonly key: string;
}

/** What was read: whether some of its numbers were replaced, and its oddities. */
interface Source {
  readonly key: string;
  readonly grid: Grid;
  readonly replaced: boolean;
  /** For judging them in the light of the settings. */
  readonly values: readonly StoredValues[];
  readonly warnings: readonly string[];
}

/** Where what is there is kept: after which step, and which settings it depends on besides those of the steps before. */
const LEGS: readonly { readonly upTo: StageName; readonly depends: (settings: Settings) => unknown }[] = [
  { upTo: 'load', depends: ({ intensity }) => intensity?.unwrap ?? false },
  { upTo: 'orientation', depends: ({ orientation }) => orientation },
  { upTo: 'spacing', depends: ({ spacing }) => spacing },
  { upTo: 'foreground', depends: ({ intensity, foreground }) => [intensity, foreground] },
];

/** Preprocesses the case that is looked at, and keeps what is there on the way: after an edit only the steps from it on are done. */
export class StageRunner {
  private kept: (Kept | undefined)[] = [];
  private source?: Source;

  /**
   * @param files the channels of the case.
   * @param identity what is another when they have changed on disk.
   * @throws UserError naming the file that can't be read or preprocessed.
   */
  async run(files: readonly string[], { preprocess: settings, ...data }: DataSettings, identity = ''): Promise<Staged> {
    const channel = channelToRead(data.channel);
    const key = JSON.stringify([files, identity, channel]);
    if (this.source?.key !== key || this.lastKept(settings) < 0) await this.read(key, files, channel, settings);
    const judged = judgeStoredValues(this.source!.values, settings.intensity).map((one) => noticeText(files[0]!, one));
    try {
      const { grid, warnings } = this.source!;
      return { ...finished(this.stagesOf(files[0]!, settings), settings, [...judged, ...warnings]), grid };
    } catch (error) {
      // What is wrong with the values says more than what follows from it.
      if (!(error instanceof UserError) || judged.length === 0) throw error;
      throw new UserError(judged.join('\n'), error.exitCode, { cause: error });
    }
  }

  /** Does the steps that are not done yet. */
  private stagesOf(name: string, settings: Settings): Progress {
    const keys = this.keysOf(settings);
    const last = this.lastKept(settings);
    let current = this.kept[last]!;
    this.kept.length = last + 1;
    for (let leg = last + 1; leg < LEGS.length; leg++) {
      current = { ...staged(current, settings, name, LEGS[leg]!.upTo), key: keys[leg]! };
      this.kept[leg] = current;
    }
    this.dropOver(KEPT_BYTES);
    return staged(current, settings, name, 'resize');
  }

  private async read(key: string, files: readonly string[], channel: StoredChannel, settings: Settings): Promise<void> {
    this.kept = [];
    const warnings: string[] = [];
    const volume = await readImage(files, channel, (warning) => warnings.push(warning));
    const loaded = staged({ view: viewOf(volume), stages: [] }, settings, files[0], 'load');
    const labels = [...namedAsLabels(files[0]!), ...holdsLabels(files[0]!, volume.data)];
    warnings.push(...labels.map((one) => noticeText(one.file, one)));
    this.source = {
      key,
      warnings,
      grid: gridOf(volume),
      values: storedValues(volume),
      replaced: loaded.view.source.data !== volume.data,
    };
    this.kept = [{ ...loaded, key: this.keysOf(settings)[0]! }];
  }

  /** The keys of what the settings make of the source. What stands for numbers that are not finite depends on the intensity window. */
  private keysOf(settings: Settings): string[] {
    let key = JSON.stringify([this.source!.key, this.source!.replaced && settings.intensity]);
    return LEGS.map(({ depends }) => (key = JSON.stringify([key, depends(settings)])));
  }

  /** The furthest leg that is still what the settings make; −1 without. */
  private lastKept(settings: Settings): number {
    const keys = this.keysOf(settings);
    return keys.reduce((found, key, leg) => (this.kept[leg]?.key === key ? leg : found), -1);
  }

  private dropOver(bytes: number): void {
    const seen = new Set<ArrayBufferLike>();
    let left = bytes;
    for (let leg = this.kept.length - 1; leg >= 0; leg--) {
      const buffer = this.kept[leg]?.view.source.data.buffer;
      if (!buffer || seen.has(buffer)) continue;
      seen.add(buffer);
      left -= buffer.byteLength;
      if (left < 0) this.kept[leg] = undefined;
    }
  }
}

/** Goes on up to a step. */
function staged(
  { view, box: before, stages }: Progress,
  settings: Settings,
  name: string | undefined,
  upTo: StageName,
): Progress {
  const done = [...stages];
  const { view: result, box = before } = preprocessView(view, settings, {
    ...(name !== undefined && { name }),
    ...(done.length > 0 && { after: done.at(-1)! }),
    upTo,
    onStage: (stage, after) => done.push({ ...stage, slice: middleSlice(after) }),
  });
  return { view: result, ...(box && { box }), stages: done };
}

function middleSlice(view: VoxelView): NumberSlice {
  const [, x, y, z] = viewShape(view);
  const middle = Math.floor(z / 2);
  const slice = voxelsOf(cutView(view, { start: [0, 0, middle], size: [x, y, 1] }));
  return sliceOf(slice, 2, 0, Math.max(1, Math.ceil(Math.max(x, y) / THUMBNAIL)));
}

/** Shares of voxels below black and above white, where no window says what they are: a few bright vessels would darken the rest. */
const [BLACK, WHITE] = [0.005, 0.995] as const;

/** Values that are black and white in slices and crops: the window's ends, else percentiles of the values that are there. */
function shownRange(data: Float32Array, intensity: Settings['intensity']): readonly [number, number] {
  if (intensity?.kind === 'window') return intensity.to;
  const sorted = sortedSample(data);
  return [percentile(sorted, BLACK), percentile(sorted, WHITE)];
}

function finished(
  { view, box, stages }: Progress,
  { intensity }: Settings,
  warnings: readonly string[],
): Omit<Staged, 'grid'> {
  const volume = voxelsOf(view);
  const data = volume.data instanceof Float32Array ? volume.data : Float32Array.from(volume.data);
  // While the numbers are still the file's they are seen in the config's window, else in their own range.
  const window = intensity?.kind === 'window' ? storedWindow(intensity) : undefined;
  const raw = new Set<StageName>(['load', 'orientation', 'spacing']);
  const shown = stages.map(({ slice, ...stage }) => ({
    ...stage,
    image: inGrey(slice, (raw.has(stage.stage) && window) || stage.range),
  }));
  return { volume: { ...volume, data }, range: shownRange(data, intensity), stages: shown, warnings, box };
}

import type { PretrainConfig } from '../../config';
import { readImage } from '../../data/volumeStore';
import type { GreyImage, StagePreview } from '../../protocol/crops';
import { finiteRange, preprocess, type PreprocessStage, type Volume } from '../../volume';
import { greySlice, thumbnail } from './images';

const THUMBNAIL = 128;
/** Volumes in between that are larger than this are not kept: they are made again. */
const KEPT_BYTES = 1 << 29;

type DataSettings = Pick<PretrainConfig['data'], 'channel' | 'preprocess'>;

/** The volume after the last step, and each step on the way. */
export interface Staged {
  readonly volume: Volume<Float32Array>;
  readonly range: readonly [number, number];
  readonly stages: readonly StagePreview[];
  /** Oddities of the files. */
  readonly warnings: readonly string[];
}

interface Kept {
  readonly key: string;
  readonly volume: Volume;
  readonly stages: readonly StagePreview[];
  readonly warnings: readonly string[];
}

/**
 * Preprocesses the case that is looked at, and keeps its file's voxels and the volume before it is resized: an edit of the size is
 * followed by the last step alone, one of another step without reading the file again.
 */
export class StageRunner {
  private read?: Kept;
  private cut?: Kept;

  /**
   * @param files the channels of the case.
   * @throws UserError naming the file that can't be read or preprocessed.
   */
  async run(files: readonly string[], data: DataSettings): Promise<Staged> {
    const cut = await this.cutVolume(files, data);
    const last = staged(cut.volume, data.preprocess, { name: files[0], done: 'foreground' });
    const stages = [...cut.stages, ...last.stages];
    const floats = last.volume.data instanceof Float32Array ? last.volume.data : Float32Array.from(last.volume.data);
    const range = stages.at(-1)?.range ?? finiteRange(floats);
    return { volume: { ...last.volume, data: floats }, range, stages, warnings: cut.warnings };
  }

  /** Up to the foreground cut. */
  private async cutVolume(files: readonly string[], data: DataSettings): Promise<Kept> {
    const settings = { ...data.preprocess, resize: null };
    const key = JSON.stringify([files, data.channel, settings]);
    if (this.cut?.key === key) return this.cut;
    this.cut = undefined;
    const read = await this.readFiles(files, data.channel);
    const made = { ...read, key, ...staged(read.volume, settings, { name: files[0] }) };
    this.cut = keepable(made);
    return made;
  }

  private async readFiles(files: readonly string[], channel: DataSettings['channel']): Promise<Kept> {
    const key = JSON.stringify([files, channel]);
    if (this.read?.key === key) return this.read;
    this.read = undefined;
    const warnings: string[] = [];
    const volume = await readImage(files, channel, (warning) => warnings.push(warning));
    const made = { key, volume, stages: [], warnings };
    this.read = keepable(made);
    return made;
  }
}

function keepable(kept: Kept): Kept | undefined {
  return kept.volume.data.byteLength <= KEPT_BYTES ? kept : undefined;
}

function staged(
  volume: Volume,
  settings: DataSettings['preprocess'],
  options: { readonly name: string | undefined; readonly done?: PreprocessStage['stage'] },
): { volume: Volume; stages: readonly StagePreview[] } {
  const stages: StagePreview[] = [];
  const { volume: result } = preprocess(volume, settings, {
    ...options,
    onStage: (stage, after) => stages.push({ ...stage, image: stageImage(after, stage, settings) }),
  });
  return { volume: result, stages };
}

/** The middle slice of a step: in the config's window while the numbers are still the file's, else in their own range. */
function stageImage(
  volume: Volume,
  { stage, range }: PreprocessStage,
  settings: DataSettings['preprocess'],
): GreyImage {
  const raw = stage === 'load' || stage === 'orientation' || stage === 'spacing';
  const { intensity } = settings;
  const window = raw && intensity?.kind === 'window' ? ([intensity.low, intensity.high] as const) : undefined;
  return thumbnail(greySlice(volume, 2, Math.floor(volume.shape[3] / 2), window ?? range), THUMBNAIL);
}

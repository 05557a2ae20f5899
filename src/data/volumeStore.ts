import { refuseAs, UserError } from '../errors/userError';
import { noticeText, preprocess, type PreprocessSettings, type Volume } from '../volume';
import { cacheKey } from './cache/key';
import { withMissing } from './channels';
import { VolumeCache } from './cache/volumeCache';
import { imageFiles, type Case } from './datalist/case';
import { judgeAndRead, refuseBad, type CaseDemands, type CaseVerdict } from './judge';
import { readImage } from './readImage';

export { readImage } from './readImage';

/** The image of a case. */
type Imaged = Pick<Case, 'image' | 'missing'>;

export interface StoreSettings {
  readonly preprocess: PreprocessSettings;
  /** Which volume of a 4-D image, or all as channels. */
  readonly channel: number | 'all';
  /** Folder of the on-disk cache; null: none. */
  readonly cacheFolder: string | null;
  /** Preprocessed volumes kept in memory, bytes. */
  readonly memoryBytes: number;
  /** What is demanded of a case before it is used for the first time; absent: that it can be read and preprocessed. */
  readonly demands?: CaseDemands;
}

/**
 * Preprocessed volumes by their image files: from memory (least recently used ones go first), else from the on-disk cache, else
 * read, preprocessed and put into both. When the cache cannot be written, it goes on without, and says so once.
 */
export class VolumeStore {
  private readonly kept = new Map<string, Volume<Float32Array>>();
  private readonly loading = new Map<string, Promise<Volume<Float32Array>>>();
  private readonly judged = new Map<string, CaseVerdict>();
  private readonly cache: VolumeCache | undefined;
  private cacheBroken = false;
  private bytes = 0;

  constructor(
    private readonly settings: StoreSettings,
    private readonly onWarning: (message: string) => void = () => undefined,
  ) {
    this.cache = settings.cacheFolder === null ? undefined : new VolumeCache(settings.cacheFolder);
  }

  /**
   * The preprocessed volume of an image, `[C, X, Y, Z]`.
   *
   * @throws BadCaseError naming the file that is missing, malformed, does not fit the other channels, or is not what is demanded
   */
  async load(item: Imaged): Promise<Volume<Float32Array>> {
    const files = imageFiles(item);
    const name = [...files, ...(item.missing ?? [])].join('\n');
    const kept = this.kept.get(name);
    if (kept) {
      this.kept.delete(name);
      this.kept.set(name, kept);
      return kept;
    }
    let loading = this.loading.get(name);
    if (!loading) {
      loading = this.fetch(item)
        .then((volume) => withMissing(volume, item.missing))
        .catch(refuseAs(files[0]!))
        .finally(() => this.loading.delete(name));
      this.loading.set(name, loading);
    }
    const volume = await loading;
    this.keep(name, volume);
    return volume;
  }

  private keep(name: string, volume: Volume<Float32Array>): void {
    if (this.kept.has(name) || volume.data.byteLength > this.settings.memoryBytes) return;
    this.kept.set(name, volume);
    this.bytes += volume.data.byteLength;
    for (const [oldest, old] of this.kept) {
      if (this.bytes <= this.settings.memoryBytes) break;
      this.kept.delete(oldest);
      this.bytes -= old.data.byteLength;
    }
  }

  private async fetch(item: Imaged): Promise<Volume<Float32Array>> {
    const { preprocess: steps, channel } = this.settings;
    const files = imageFiles(item);
    const read = await this.judge(item);
    const cache = this.cacheBroken ? undefined : this.cache;
    const key = cache && (await cacheKey(files, { steps, channel }));
    const cached = key && (await cache.get(key).catch((error: unknown) => this.giveUpCache(error)));
    if (cached) return cached;
    const image = read ?? (await readImage(files, channel, this.settings.demands ? ignore : this.onWarning));
    const volume = preprocess(image, steps, { name: files[0] }).volume;
    const result = { ...volume, data: asFloat32(volume.data) };
    if (key && !this.cacheBroken) await cache.put(key, result).catch((error: unknown) => this.giveUpCache(error));
    return result;
  }

  /**
   * Judges a case that was not judged before. What was kept in the cache may come from a time when nobody judged.
   *
   * @returns the image where it was read for that
   * @throws BadCaseError
   */
  private async judge({ image, missing = [] }: Imaged): Promise<Volume | undefined> {
    const { demands, cacheFolder } = this.settings;
    if (!demands) return undefined;
    const name = [image, missing].flat().join('\n');
    const item = { id: name, image, ...(missing.length > 0 && { missing }), source: '' };
    const known = this.judged.get(name);
    const { verdict, read } = known ? { verdict: known } : await judgeAndRead(item, demands, cacheFolder);
    this.judged.set(name, verdict);
    refuseBad(item, verdict);
    // Of a verdict that was kept, the run has told before its first step.
    const warnings = known || !read ? [] : verdict.findings.filter(({ severity }) => severity === 'warning');
    for (const one of warnings) this.onWarning(noticeText(one.file, one));
    return read?.volume;
  }

  private giveUpCache(error: unknown): undefined {
    if (!(error instanceof UserError)) throw error;
    if (!this.cacheBroken) this.onWarning(`${error.message}; continuing without the cache, which is slower`);
    this.cacheBroken = true;
  }
}

function asFloat32(data: Volume['data']): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

const ignore = (): undefined => undefined;

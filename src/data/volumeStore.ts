import { refuseAs, UserError } from '../errors/userError';
import { gridOf, noticeText, preprocess, type PreprocessSettings, type Volume } from '../volume';
import { cacheKey } from './cache/key';
import { channelToRead, withMissing, type ChannelSetting } from './channels';
import { cacheFolder, VolumeCache } from './cache/volumeCache';
import { imageFiles, type Case } from './datalist/case';
import { judgeAndRead, refuseBad, type CaseDemands, type CaseVerdict } from './judge';
import { readImage } from './readImage';
import { preparedBytes, prepareMasks, withMasks, type PreparedMasks, type PreparedVolume } from './regionMasks';
import type { RegionName } from './datalist/found';
import { regionFiles } from './datalist/regionMasks';

export { readImage } from './readImage';

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

/** Preprocessed volumes that may be kept in memory, by loader threads together, bytes. */
const VOLUME_MEMORY = 2 ** 31;

/** How volumes are prepared and kept, as a config's data section says. */
export function storeSettings({
  preprocess,
  channel,
  cache,
}: {
  readonly preprocess: PreprocessSettings;
  readonly channel: ChannelSetting;
  readonly cache: { readonly enabled: boolean; readonly folder: string | null };
}): StoreSettings {
  return {
    preprocess,
    channel: channelToRead(channel),
    cacheFolder: cache.enabled ? cacheFolder(cache.folder) : null,
    memoryBytes: VOLUME_MEMORY,
  };
}

/** What is asked of a case. */
type Wanted = Pick<Case, 'image' | 'missing' | 'regionMasks'>;

/** Names of a case's volumes in the cache. */
interface Keys {
  readonly image: string;
  readonly masks: Readonly<Partial<Record<RegionName, string>>>;
}

const nameOf = (item: Wanted): string =>
  [...imageFiles(item), ...(item.missing ?? []), ...regionFiles(item).flat()].join('\n');

/**
 * Preprocessed volumes by their image files: from memory (least recently used ones go first), else from the on-disk cache, else
 * read, preprocessed and put into both. When the cache cannot be written, it goes on without, and says so once.
 */
export class VolumeStore {
  private readonly kept = new Map<string, PreparedVolume>();
  private readonly loading = new Map<string, Promise<PreparedVolume>>();
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
   * The preprocessed volume of an image, `[C, X, Y, Z]`, with the region masks of its case on the same grid.
   *
   * @throws BadCaseError naming the file that is missing, malformed, does not fit the other channels, or is not what is demanded
   */
  async load(item: Wanted): Promise<PreparedVolume> {
    const name = nameOf(item);
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
        .catch(refuseAs(imageFiles(item)[0]!))
        .finally(() => this.loading.delete(name));
      this.loading.set(name, loading);
    }
    const volume = await loading;
    this.keep(name, volume);
    return volume;
  }

  private keep(name: string, volume: PreparedVolume): void {
    const bytes = preparedBytes(volume);
    if (this.kept.has(name) || bytes > this.settings.memoryBytes) return;
    this.kept.set(name, volume);
    this.bytes += bytes;
    for (const [oldest, old] of this.kept) {
      if (this.bytes <= this.settings.memoryBytes) break;
      this.kept.delete(oldest);
      this.bytes -= preparedBytes(old);
    }
  }

  private async fetch(item: Wanted): Promise<PreparedVolume> {
    const read = await this.judge(item);
    const keys = this.cacheBroken ? undefined : await this.keysOf(item);
    return (keys && (await this.cached(item, keys))) ?? (await this.make(item, read, keys));
  }

  /** Keys in the cache: of the image, which is that of cases without masks too, and of each mask. */
  private async keysOf(item: Wanted): Promise<Keys | undefined> {
    if (!this.cache) return undefined;
    const { preprocess: steps, channel } = this.settings;
    const files = imageFiles(item);
    const masks: Partial<Record<RegionName, string>> = {};
    for (const [name, file] of regionFiles(item))
      masks[name] = await cacheKey([...files, file], { steps, channel, regionMask: true });
    return { image: await cacheKey(files, { steps, channel }), masks };
  }

  /** The image with its masks from the cache; undefined unless all are there. */
  private async cached(item: Wanted, keys: Keys): Promise<PreparedVolume | undefined> {
    const get = (one: string) => this.cache!.get(one).catch((error: unknown) => this.giveUpCache(error));
    const image = await get(keys.image);
    if (!image) return undefined;
    const found: PreparedMasks = {};
    for (const [name] of regionFiles(item)) {
      const mask = await get(keys.masks[name]!);
      if (!mask) return undefined;
      found[name] = mask;
    }
    return withMasks(image, found, item.regionMasks);
  }

  private async make(item: Wanted, read: Volume | undefined, keys: Keys | undefined): Promise<PreparedVolume> {
    const { preprocess: steps, channel, demands } = this.settings;
    const files = imageFiles(item);
    const raw = read ?? (await readImage(files, channel, demands ? ignore : this.onWarning));
    const { volume, box } = preprocess(raw, steps, { name: files[0]! });
    const image = float32(volume);
    await this.put(keys?.image, image);
    const masks = await prepareMasks(item, gridOf(raw), { steps, box }, demands ? ignore : this.onWarning);
    for (const [name] of regionFiles(item)) await this.put(keys?.masks[name], float32(masks[name]!));
    return withMasks(image, masks, item.regionMasks);
  }

  private async put(key: string | undefined, volume: Volume<Float32Array>): Promise<void> {
    if (key === undefined || this.cacheBroken) return;
    await this.cache!.put(key, volume).catch((error: unknown) => this.giveUpCache(error));
  }

  /**
   * Judges a case that was not judged before. What was kept in the cache may come from a time when nobody judged.
   *
   * @returns the image where it was read for that
   * @throws BadCaseError
   */
  private async judge(wanted: Wanted): Promise<Volume | undefined> {
    const { demands, cacheFolder } = this.settings;
    if (!demands) return undefined;
    const name = nameOf(wanted);
    const { image, missing = [], regionMasks } = wanted;
    const item = {
      id: name,
      image,
      source: '',
      ...(missing.length > 0 && { missing }),
      ...(regionMasks && { regionMasks }),
    };
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

const float32 = (volume: Volume): Volume<Float32Array> => ({ ...volume, data: asFloat32(volume.data) });

const ignore = (): undefined => undefined;

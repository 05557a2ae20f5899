import { voxelCount } from '../geometry';
import { UserError } from '../errors/userError';
import {
  applyNotices,
  geometryNotices,
  gridOf,
  judgeChannelGrid,
  ontoGrid,
  preprocess,
  readNifti,
  type PreprocessSettings,
  type Volume,
} from '../volume';
import { cacheKey } from './cache/key';
import { VolumeCache } from './cache/volumeCache';
import { imageFiles, type Case } from './datalist/case';

export interface StoreSettings {
  readonly preprocess: PreprocessSettings;
  /** Which volume of a 4-D image, or all as channels. */
  readonly channel: number | 'all';
  /** Folder of the on-disk cache; null: none. */
  readonly cacheFolder: string | null;
  /** Preprocessed volumes kept in memory, bytes. */
  readonly memoryBytes: number;
}

/**
 * Preprocessed volumes by their image files: from memory (least recently used ones go first), else from the on-disk cache, else
 * read, preprocessed and put into both. When the cache cannot be written, it goes on without, and says so once.
 */
export class VolumeStore {
  private readonly kept = new Map<string, Volume<Float32Array>>();
  private readonly loading = new Map<string, Promise<Volume<Float32Array>>>();
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
   * @throws UserError naming the file that is missing, malformed, or does not fit the other channels
   */
  async load(item: Pick<Case, 'image'>): Promise<Volume<Float32Array>> {
    const files = imageFiles(item);
    const name = files.join('\n');
    const kept = this.kept.get(name);
    if (kept) {
      this.kept.delete(name);
      this.kept.set(name, kept);
      return kept;
    }
    let loading = this.loading.get(name);
    if (!loading) {
      loading = this.fetch(files).finally(() => this.loading.delete(name));
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

  private async fetch(files: readonly string[]): Promise<Volume<Float32Array>> {
    const { preprocess: steps, channel } = this.settings;
    const cache = this.cacheBroken ? undefined : this.cache;
    const key = cache && (await cacheKey(files, { steps, channel }));
    const cached = key && (await cache.get(key).catch((error: unknown) => this.giveUpCache(error)));
    if (cached) return cached;
    const volume = preprocess(await readImage(files, channel, this.onWarning), steps, { name: files[0] }).volume;
    const result = { ...volume, data: asFloat32(volume.data) };
    if (key && !this.cacheBroken) await cache.put(key, result).catch((error: unknown) => this.giveUpCache(error));
    return result;
  }

  private giveUpCache(error: unknown): undefined {
    if (!(error instanceof UserError)) throw error;
    if (!this.cacheBroken) this.onWarning(`${error.message}; continuing without the cache, which is slower`);
    this.cacheBroken = true;
  }
}

/**
 * Reads an image of one or several files as one volume `[C, X, Y, Z]`.
 *
 * @throws UserError naming the file that is missing, malformed, or does not fit the others
 */
export async function readImage(
  files: readonly string[],
  channel: number | 'all',
  onWarning: (message: string) => void,
): Promise<Volume> {
  const volumes: Volume[] = [];
  for (const file of files) {
    const { volume, header, nonFinite } = await readNifti(file, { channel });
    applyNotices(file, geometryNotices(header), onWarning);
    const bad = nonFinite.nan + nonFinite.infinite;
    if (bad > 0) onWarning(`${file}: ${bad} voxels are NaN or infinite and were replaced`);
    const first = volumes[0];
    if (!first) volumes.push(volume);
    else {
      const notice = judgeChannelGrid(gridOf(volume), gridOf(first), files[0]!);
      if (notice) applyNotices(file, [notice], onWarning);
      volumes.push(ontoGrid(volume, gridOf(first)));
    }
  }
  return volumes.length === 1 ? volumes[0]! : stackChannels(volumes);
}

function asFloat32(data: Volume['data']): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

function stackChannels(volumes: readonly Volume[]): Volume<Float32Array> {
  const [, ...size] = volumes[0]!.shape;
  const channels = volumes.reduce((sum, volume) => sum + volume.shape[0], 0);
  const data = new Float32Array(channels * voxelCount(size));
  let at = 0;
  for (const volume of volumes) {
    data.set(volume.data, at);
    at += volume.data.length;
  }
  return { data, shape: [channels, ...size], affine: volumes[0]!.affine };
}

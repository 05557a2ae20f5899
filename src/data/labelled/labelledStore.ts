import type { Vec3 } from '../../geometry';
import { refuseAs, UserError } from '../../errors/userError';
import { applyNotices, gridOf, preprocess, spatialPad, type PreprocessSettings, type Volume } from '../../volume';
import { cacheKey } from '../cache/key';
import { VolumeCache } from '../cache/volumeCache';
import { keepsZero, withMissing } from '../channels';
import { imageFiles, type Case } from '../datalist/case';
import { readImage } from '../volumeStore';
import { countPlaces, type CropPlaces } from './cropPlaces';
import { encodeLabels } from './labelCodes';
import { labelledClasses } from './labelledClasses';
import { judgeLabel, labelFile, type LabelSettings } from './readLabel';

export interface LabelledStoreSettings extends LabelSettings {
  readonly preprocess: PreprocessSettings;
  readonly channel: number | 'all';
  readonly cacheFolder: string | null;
  /** Preprocessed volumes kept in memory, bytes. */
  readonly memoryBytes: number;
  /** Pad volumes to at least this size with zeros; null: as they are. */
  readonly padTo: Vec3 | null;
}

/** A preprocessed image with its labels on the same grid. */
export interface LabelledVolume {
  /** `[C, X, Y, Z]` */
  readonly image: Volume<Float32Array>;
  /** `[X, Y, Z]`, see {@link LabelCodes}. */
  readonly codes: Uint8Array;
  /** `[classes]`: 1 for the classes that the label map tells of. */
  readonly labelled: Uint8Array;
  /** Where crops may be centred; counted when first asked for. */
  places(): CropPlaces;
}

interface Pair {
  readonly image: Volume<Float32Array>;
  readonly label: Volume;
}

const float32 = (volume: Volume): Volume<Float32Array> => ({
  ...volume,
  data: volume.data instanceof Float32Array ? volume.data : Float32Array.from(volume.data),
});

/** Preprocessed images with labels: from memory, else from the on-disk cache (which images share with pre-training), else made. */
export class LabelledStore {
  private readonly kept = new Map<string, LabelledVolume>();
  private readonly cache: VolumeCache | undefined;
  private cacheBroken = false;
  private bytes = 0;

  constructor(
    private readonly settings: LabelledStoreSettings,
    private readonly onWarning: (message: string) => void = () => undefined,
  ) {
    this.cache = settings.cacheFolder === null ? undefined : new VolumeCache(settings.cacheFolder);
  }

  /** @throws BadCaseError naming the file that is missing, malformed, on another grid, or has a label of no class */
  async load(item: Case): Promise<LabelledVolume> {
    const name = [...imageFiles(item), ...(item.missing ?? []), labelFile(item), ...(item.labelled ?? [])].join('\n');
    let found = this.kept.get(name);
    if (found) this.kept.delete(name);
    else {
      found = await this.pair(item)
        .then((pair) => this.assemble(pair, item))
        .catch(refuseAs(imageFiles(item)[0]!));
      this.bytes += sizeOf(found);
    }
    this.kept.set(name, found);
    for (const [oldest, old] of this.kept) {
      if (this.bytes <= this.settings.memoryBytes) break;
      this.kept.delete(oldest);
      this.bytes -= sizeOf(old);
    }
    return found;
  }

  private assemble({ image: read, label }: Pair, item: Case): LabelledVolume {
    const { padTo, codes } = this.settings;
    const image = withMissing(read, item.missing);
    const [paddedImage, paddedLabel] = padTo ? [spatialPad(image, padTo), spatialPad(label, padTo)] : [image, label];
    const labelled = labelledClasses(item, codes.classes);
    const encoded = encodeLabels(paddedLabel.data, codes, labelFile(item), labelled);
    let places: CropPlaces | undefined;
    return {
      image: paddedImage,
      codes: encoded,
      labelled,
      places: () =>
        (places ??= countPlaces(paddedImage, encoded, codes.ignoredCode, keepsZero(this.settings.preprocess))),
    };
  }

  private async pair(item: Case): Promise<Pair> {
    const { preprocess: steps, channel, onImageGrid } = this.settings;
    const files = imageFiles(item);
    if (!this.cache || this.cacheBroken) return this.make(item);
    const keys = {
      image: await cacheKey(files, { steps, channel }),
      label: await cacheKey([...files, labelFile(item)], { steps, channel, label: true, onImageGrid }),
    };
    const image = await this.guard(this.cache.get(keys.image));
    const label = image && (await this.guard(this.cache.get(keys.label)));
    if (image && label) return { image, label };
    const made = await this.make(item);
    if (!this.cacheBroken) {
      await this.guard(this.cache.put(keys.image, made.image));
      await this.guard(this.cache.put(keys.label, float32(made.label)));
    }
    return made;
  }

  private async make(item: Case): Promise<Pair> {
    const { preprocess: steps, channel } = this.settings;
    const files = imageFiles(item);
    const raw = await readImage(files, channel, this.onWarning);
    const { label: rawLabel, notices } = await judgeLabel(item, gridOf(raw), this.settings);
    applyNotices(labelFile(item), notices, this.onWarning);
    const { volume, box } = preprocess(raw, steps, { name: files[0] });
    const label = preprocess(rawLabel!, steps, { label: true, box, name: labelFile(item) });
    return { image: float32(volume), label: label.volume };
  }

  /** A cache that cannot be read or written costs time, not the run. */
  private async guard<T>(work: Promise<T>): Promise<T | undefined> {
    return work.catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      if (!this.cacheBroken) this.onWarning(`${error.message}; continuing without the cache, which is slower`);
      this.cacheBroken = true;
      return undefined;
    });
  }
}

function sizeOf({ image, codes }: LabelledVolume): number {
  return image.data.byteLength + codes.byteLength;
}

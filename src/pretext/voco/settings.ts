import type { AugmentSettings, IntensitySettings } from '../../data/augment';
import type { CropTraits } from '../../data/channels';
import type { Case } from '../../data/datalist';
import type { StoreSettings } from '../../data/volumeStore';
import type { Draw } from '../../tasks';
import type { Vec3 } from '../../geometry';

/** How a volume is cut into crops (`method` of the config). */
export interface CropSettings extends CropTraits {
  /** Base crops along x, y, z. */
  readonly grid: Vec3;
  /** Where the grid lies in a larger volume; default: in the middle. */
  readonly gridPlace?: 'centre' | 'random';
  /** Size of a crop in voxels of the preprocessed volume. */
  readonly crop: Vec3;
  /** Its size in millimetres, which counts instead; null: `crop` counts. */
  readonly cropMm?: Vec3 | null;
  /** Size that crops are resized to for the network. */
  readonly input: Vec3;
  readonly randomCrops: number;
  readonly augment: AugmentSettings & { readonly intensity?: IntensitySettings };
}

/** Everything that determines a batch besides the cases and the seed. Plain data: it is sent to worker threads. */
export interface LoaderSettings extends CropSettings {
  readonly store: StoreSettings;
}

/** One volume of a batch: which case, and the path of its random streams. */
export type VolumeDraw = Draw<Pick<Case, 'image' | 'missing' | 'regionMasks'>>;

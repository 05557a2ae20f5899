import type { PretrainConfig } from '../../config';
import type { IntensitySettings, SpatialSettings } from '../../data/augment';
import type { CropTraits } from '../../data/channels';
import type { StoreSettings } from '../../data/volumeStore';
import type { Vec3 } from '../../geometry';

/** What every pretext task has that learns from single crops (`method` of the config). */
export interface CropMethod {
  readonly name: string;
  /** Voxels of the preprocessed volume. */
  readonly crop: Vec3;
  readonly perVolume: number;
  readonly augment: SpatialSettings & { readonly intensity: IntensitySettings };
}

/** A task's section and how volumes are kept: plain data, which is sent to loader threads. */
export interface CropSettings<Method extends CropMethod = CropMethod> extends CropTraits {
  readonly method: Method;
  readonly store: StoreSettings;
}

/** The section of a config whose task the caller knows. */
export const methodOf = <Method extends CropMethod>(config: PretrainConfig): Method =>
  config.method as unknown as Method;

import type { Config, PretrainConfig } from '../config';
import { mapAxes, type Vec3 } from '../geometry';
import { pretextOf } from '../pretext/descriptors';
import { isVoco } from '../pretext/voco/config';

/** What is cut out, voxels of the preprocessed volume, and its size as a network gets it. */
export interface CropSizes {
  readonly crop: Vec3;
  readonly input: Vec3;
}

/** The crops that a run trains on. */
export const sizesOf = (config: Config): CropSizes =>
  config.kind === 'pretrain' ? pretextSizes(config) : { crop: config.crops.size, input: config.crops.size };

/**
 * Crops of VoCo are resized for the network, and so are those in millimetres, whose voxels the spacing tells; those of other pretext
 * tasks pass as they are cut.
 */
function pretextSizes(config: PretrainConfig): CropSizes {
  const { size } = pretextOf(config.method).networkInput(config.method);
  const { spacing } = config.data.preprocess;
  const cropMm = 'cropMm' in config.method ? config.method.cropMm : null;
  if (cropMm && spacing) return { crop: mapAxes((k) => Math.max(1, Math.round(cropMm[k] / spacing[k]))), input: size };
  return isVoco(config) ? { crop: config.method.crop, input: size } : { crop: size, input: size };
}

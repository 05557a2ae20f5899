import type { NetworkBuilder } from '../types';
import { unetCost } from './cost';
import type { UnetSection } from './descriptor';
import { Unet, UnetEncoder } from './unet3d';

/** The heavy half of `unet3d`. */
export const unet3dBuilder: NetworkBuilder<UnetSection> = {
  encoder: (section, init) => new UnetEncoder(section, init),
  segmenter: (section, outChannels, init) => new Unet(section, outChannels, init),
  visibleSegmenter: (section, outChannels, init) => new Unet(section, outChannels, init),
  cost: unetCost,
};

import type { NetworkBuilder } from '../types';
import { resEncCost } from './cost';
import type { ResEncSection } from './descriptor';
import { ResEncEncoder, ResEncUnet } from './network';

/** The heavy half of `resenc-unet`. */
export const resencUnetBuilder: NetworkBuilder<ResEncSection> = {
  encoder: (section, init) => new ResEncEncoder(section, init),
  segmenter: (section, outChannels, init) => new ResEncUnet(section, outChannels, init),
  visibleSegmenter: (section, outChannels, init) => new ResEncUnet(section, outChannels, init),
  cost: resEncCost,
};

import type { NetworkBuilder } from '../types';
import { swinCost } from './cost';
import type { SwinSection } from './descriptor';
import { SwinUnetr, SwinUnetrEncoder } from './swinUnetr';

/** The heavy half of `swin-unetr`. */
export const swinUnetrBuilder: NetworkBuilder<SwinSection> = {
  encoder: (section, init) => new SwinUnetrEncoder(section, init),
  segmenter: (section, outChannels, init) => new SwinUnetr(section, outChannels, init),
  tokenEncoder: (section, init) => new SwinUnetrEncoder(section, init),
  cost: swinCost,
};

import type { NetworkBuilder } from '../types';
import { segresnetCost } from './cost';
import type { SegResNetSection } from './descriptor';
import { SegResNet, SegResNetEncoder } from './network';

/** The heavy half of `segresnet`. */
export const segresnetBuilder: NetworkBuilder<SegResNetSection> = {
  encoder: (section, init) => new SegResNetEncoder(section, init),
  segmenter: (section, outChannels, init) => new SegResNet(section, outChannels, init),
  cost: segresnetCost,
};

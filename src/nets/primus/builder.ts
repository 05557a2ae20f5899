import type { NetworkBuilder } from '../types';
import { primusCost } from './cost';
import type { PrimusSection } from './descriptor';
import { Primus, PrimusEncoder } from './primus';

/** The heavy half of `primus`. */
export const primusBuilder: NetworkBuilder<PrimusSection> = {
  encoder: (section, init) => new PrimusEncoder(section, init),
  segmenter: (section, outChannels, init) => new Primus(section, outChannels, init),
  cost: primusCost,
};

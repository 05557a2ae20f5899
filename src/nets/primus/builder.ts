import type { NetworkBuilder } from '../types';
import { PrimusAutoencoder } from './autoencoder';
import { autoencoderCost, primusCost } from './cost';
import type { PrimusSection } from './descriptor';
import { Primus, PrimusEncoder } from './primus';

/** The heavy half of `primus`. */
export const primusBuilder: NetworkBuilder<PrimusSection> = {
  encoder: (section, init) => new PrimusEncoder(section, init),
  segmenter: (section, outChannels, init) => new Primus(section, outChannels, init),
  tokenSegmenter: (section, outChannels, init) => new Primus(section, outChannels, init),
  tokenAutoencoder: (section, outChannels, init, between) => new PrimusAutoencoder(section, outChannels, init, between),
  cost: primusCost,
  autoencoderCost,
};

import type { Config } from '../config';
import { channelToRead } from '../data/channels';
import type { CaseDemands } from '../data/judge';
import type { CaseChecks } from './task';

/** What a config demands of each of its cases, in a run as in a check of its data. */
export function caseDemands({ data, network }: Config, { labels, gridSize, places }: CaseChecks): CaseDemands {
  return {
    channel: channelToRead(data.channel),
    preprocess: data.preprocess,
    ...(data.channel === 'random' ? { anyChannels: true } : { inChannels: network.inChannels }),
    ...(gridSize && { gridSize }),
    ...(places && { places }),
    ...(labels && { labels }),
  };
}

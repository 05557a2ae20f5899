import type { Config } from '../config';
import type { CaseDemands } from '../data/judge';
import type { CaseChecks } from './task';

/** What a config demands of each of its cases, in a run as in a check of its data. */
export function caseDemands({ data, network }: Config, { labels, gridSize }: CaseChecks): CaseDemands {
  return {
    channel: data.channel,
    preprocess: data.preprocess,
    inChannels: network.inChannels,
    ...(gridSize && { gridSize }),
    ...(labels && { labels }),
  };
}

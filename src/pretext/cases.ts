import type { PretrainConfig } from '../config';
import { cacheFolder } from '../data/cache';
import { channelToRead } from '../data/channels';
import { resolveSources } from '../data/datalist';
import type { StoreSettings } from '../data/volumeStore';
import type { Cases } from '../tasks';
import { splitCases } from '../tasks/split';

/** Preprocessed volumes that loader threads may keep in memory together, bytes. */
const VOLUME_MEMORY = 2 ** 31;

/** The cases of a config's data section, without labels. @throws UserError naming the datalist or folder at fault. */
export async function findUnlabelledCases(config: PretrainConfig): Promise<Cases> {
  // Paths in a loaded config are absolute: the folder that relative ones would start from does not matter.
  const { channel, missingChannels } = config.data;
  const sources = (list: PretrainConfig['data']['train']) =>
    resolveSources(list, '/', { labels: false, channel, missingChannels });
  const train = await sources(config.data.train);
  const { validation } = config.data;
  return splitCases(config, train, validation.length > 0 ? await sources(validation) : []);
}

/** How volumes are prepared and kept, as a config's data section says. */
export function storeSettings({ preprocess, channel, cache }: PretrainConfig['data']): StoreSettings {
  return {
    preprocess,
    channel: channelToRead(channel),
    cacheFolder: cache.enabled ? cacheFolder(cache.folder) : null,
    memoryBytes: VOLUME_MEMORY,
  };
}

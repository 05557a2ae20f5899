import type { PretrainConfig } from '../config';
import { resolveSources } from '../data/datalist';
import type { Cases } from '../tasks';
import { splitCases } from '../tasks/split';

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

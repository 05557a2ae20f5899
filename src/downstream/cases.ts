import { resolveTask, type FinetuneConfig, type SourceConfig } from '../config';
import { classifiedCases, type ClassifiedCase } from '../data/classified';
import { resolveSources, type Case } from '../data/datalist';
import { mergeMasks } from '../data/labelled';
import type { Cases } from '../tasks';
import { splitCases } from '../tasks/split';

async function listed<Item extends Case>(
  config: FinetuneConfig,
  read: (sources: readonly SourceConfig[]) => Promise<Item[]>,
): Promise<Cases<Item>> {
  const { train, validation } = config.data;
  return splitCases(config, await read(train), validation.length > 0 ? await read(validation) : []);
}

/**
 * The labelled cases of a config, after `data.fraction` or `data.cases`; held-out cases are set aside before.
 *
 * @throws UserError naming the datalist or folder at fault
 */
export async function findLabelledCases(config: FinetuneConfig): Promise<Cases> {
  const { channel, missingChannels, cache } = config.data;
  // Paths in a loaded config are absolute: the folder that relative ones would start from does not matter.
  const options = { labels: true, channel, missingChannels };
  const found = await listed(config, (sources) => resolveSources(sources, '/', options));
  const { classes } = resolveTask(config.task);
  const onWarning = (text: string): void => void process.stderr.write(`${text}\n`);
  const all = [...found.train, ...found.validation];
  const merged = await mergeMasks(all, classes, { folder: cache.folder, onWarning });
  return { train: merged.slice(0, found.train.length), validation: merged.slice(found.train.length) };
}

/** The cases of a classification: as {@link findLabelledCases}, from CSV lists. */
export function findClassifiedCases(config: FinetuneConfig): Promise<Cases<ClassifiedCase>> {
  const { classes } = resolveTask(config.task);
  return listed(config, (sources) => classifiedCases(sources, classes));
}

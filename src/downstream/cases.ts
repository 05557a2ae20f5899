import { resolveTask, type FinetuneConfig, type SourceConfig } from '../config';
import { classifiedCases, type ClassifiedCase } from '../data/classified';
import { resolveSources, splitValidation, type Case } from '../data/datalist';
import { mergeMasks, trainingSubset } from '../data/labelled';
import type { Cases } from '../tasks';

/** Sets held-out cases aside, then takes the part of the rest that `data.fraction` or `data.cases` asks for. */
async function split<Item extends Case>(
  { data, seed }: FinetuneConfig,
  read: (sources: readonly SourceConfig[]) => Promise<Item[]>,
): Promise<Cases<Item>> {
  const all = await read(data.train);
  const { train, validation } =
    data.validation.length > 0
      ? { train: all, validation: await read(data.validation) }
      : splitValidation(all, data.validationFraction, seed);
  return { train: trainingSubset(train, data, seed), validation };
}

/**
 * The labelled cases of a config, after `data.fraction` or `data.cases`; held-out cases are set aside before.
 *
 * @throws UserError naming the datalist or folder at fault
 */
export async function findLabelledCases(config: FinetuneConfig): Promise<Cases> {
  const { channel, cache } = config.data;
  // Paths in a loaded config are absolute: the folder that relative ones would start from does not matter.
  const found = await split(config, (sources) => resolveSources(sources, '/', { labels: true, channel }));
  const { classes } = resolveTask(config.task);
  const onWarning = (text: string): void => void process.stderr.write(`${text}\n`);
  const merge = (cases: readonly Case[]) => mergeMasks(cases, classes, { folder: cache.folder, onWarning });
  return { train: await merge(found.train), validation: await merge(found.validation) };
}

/** The cases of a classification: as {@link findLabelledCases}, from CSV lists. */
export function findClassifiedCases(config: FinetuneConfig): Promise<Cases<ClassifiedCase>> {
  const { classes } = resolveTask(config.task);
  return split(config, (sources) => classifiedCases(sources, classes));
}

import { dirname } from 'node:path';
import { taskOf } from '../../catalog';
import type { Config } from '../../config';
import { cacheFolder } from '../../data/cache';
import { resolveSources } from '../../data/datalist';
import type { Depth } from '../../data/judge';
import { UserError } from '../../errors/userError';
import { caseDemands } from '../../tasks/demands';
import { inspectDataset, type BadCase } from './checkDataset';
import { bySeverity, type Finding } from './finding';
import { casesOfSources, checkSources, withMergedMasks } from './sources';

export interface ConfigCheck {
  readonly depth: Depth;
  /** Datalists of later tasks, whose validation cases pre-training must not see. */
  readonly downstream: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ConfigReport {
  /** How many cases were looked at, held-out ones included. */
  readonly volumes: number;
  readonly findings: readonly Finding[];
  readonly bad: readonly BadCase[];
}

/** Where verdicts on the cases of a config are kept: beside its preprocessed volumes. */
export function verdictFolder({ data: { cache } }: Config): string | null {
  return cache.enabled ? cacheFolder(cache.folder) : null;
}

/** What a run would say before it looks at any case: too few of them for the share that is asked for. */
async function splitProblems(config: Config, file: string): Promise<Finding[]> {
  try {
    await (await taskOf(config)).findCases(config);
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ severity: 'error', file, message: error.message, advice: 'correct the data section of the config' }];
  }
}

/**
 * Checks the data of a config by what its runs go by.
 *
 * @param file the config
 * @throws the signal's reason when aborted
 */
export async function checkConfig(config: Config, file: string, options: ConfigCheck): Promise<ConfigReport> {
  const folder = dirname(file);
  const { data } = config;
  type Sources = Parameters<typeof casesOfSources>[1];
  const own = async (sources: Sources): ReturnType<typeof checkSources> => {
    const listed = await checkSources(sources, folder, (list, onNote) => casesOfSources(config, list, onNote));
    const { cases, findings } = await withMergedMasks(config, listed.cases);
    return { cases, findings: [...listed.findings, ...findings] };
  };
  const train = await own(data.train);
  const held = await own(data.validation);
  const downstream = await Promise.all(
    options.downstream.map(async (name) => {
      const source = [{ datalist: name, key: 'validation' }];
      const found = await checkSources(source, dirname(name), (list) => resolveSources(list, '/', { labels: false }));
      return { name, ...found };
    }),
  );
  const lists = [train, held, ...downstream];
  const sources = lists.flatMap((list) => list.findings);
  const unread = sources.some(({ severity }) => severity === 'error');
  const { findings, bad } = await inspectDataset({
    cases: train.cases,
    validation: held.cases,
    demands: caseDemands(config, (await taskOf(config)).checks(config)),
    downstream,
    depth: options.depth,
    verdicts: verdictFolder(config),
    ...(options.signal && { signal: options.signal }),
    ...(options.onProgress && { onProgress: options.onProgress }),
  });
  return {
    volumes: lists.reduce((count, { cases }) => count + cases.length, 0),
    findings: bySeverity([...sources, ...(unread ? [] : await splitProblems(config, file)), ...findings]),
    bad,
  };
}

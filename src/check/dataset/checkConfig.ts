import { dirname } from 'node:path';
import { taskOf } from '../../catalog';
import type { Config } from '../../config';
import { cacheFolder } from '../../data/cache';
import { findInSource, regionMaskCounts, type Case } from '../../data/datalist';
import type { Depth } from '../../data/judge';
import { adviceFor } from '../../errors/advice';
import { UserError } from '../../errors/userError';
import { caseDemands } from '../../tasks/demands';
import { splitCases } from '../../tasks/split';
import { inspectDataset, type BadCase } from './checkDataset';
import { bySeverity, type Finding } from './finding';
import { checkSources, findInConfig, withMergedMasks } from './sources';

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
  /** How many of the config's own cases have region masks, by kind: "12 anonymisation masks". */
  readonly regionMasks: readonly string[];
  readonly findings: readonly Finding[];
  readonly bad: readonly BadCase[];
}

/** Where verdicts on the cases of a config are kept: beside its preprocessed volumes. */
export function verdictFolder({ data: { cache } }: Config): string | null {
  return cache.enabled ? cacheFolder(cache.folder) : null;
}

interface Listed {
  readonly train: readonly Case[];
  readonly held: readonly Case[];
  /** Cases of `data.train` that `data.fraction` or `data.cases` leaves out. */
  readonly unused: readonly Case[];
  readonly findings: readonly Finding[];
}

/** The cases as a run divides them, or what it would say: too few of them for the share that is asked for. */
function divided(config: Config, file: string, train: readonly Case[], held: readonly Case[]): Listed {
  try {
    const { train: trained, validation } = splitCases(config, train, held);
    const used = new Set([...trained, ...validation]);
    return { train: trained, held: validation, unused: train.filter((item) => !used.has(item)), findings: [] };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const advice = adviceFor(error.message, 'correct the data section of the config');
    return { train, held, unused: [], findings: [{ severity: 'error', file, message: error.message, advice }] };
  }
}

/** The cases of both lists of a config, masks merged, those that a run sets aside among the held-out ones. */
async function listCases(config: Config, file: string): Promise<Listed> {
  const { data } = config;
  const listed = async (sources: Config['data']['train']) =>
    checkSources(sources, dirname(file), (source, onNote) => findInConfig(config, source, onNote));
  const [train, held] = [await listed(data.train), await listed(data.validation)];
  const merged = await withMergedMasks(config, [...train.cases, ...held.cases]);
  const found = [...train.findings, ...held.findings, ...merged.findings];
  const at = train.cases.length;
  const lists = { train: merged.cases.slice(0, at), held: merged.cases.slice(at) };
  // Of lists that are not all there, nobody can tell how a run would divide them.
  if (found.some(({ severity }) => severity === 'error')) return { ...lists, unused: [], findings: found };
  const parts = divided(config, file, lists.train, lists.held);
  return { ...parts, findings: [...found, ...parts.findings] };
}

/**
 * Checks the data of a config by what its runs go by.
 *
 * @param file the config
 * @throws the signal's reason when aborted
 */
export async function checkConfig(config: Config, file: string, options: ConfigCheck): Promise<ConfigReport> {
  const { train, held, unused, findings: ofLists } = await listCases(config, file);
  const downstream = await Promise.all(
    options.downstream.map(async (name) => {
      const source = [{ datalist: name, key: 'validation' }];
      const found = await checkSources(source, dirname(name), (list) => findInSource(list, '/', { labels: false }));
      return { name, ...found };
    }),
  );
  const { findings, bad } = await inspectDataset({
    cases: train,
    validation: held,
    unused,
    demands: caseDemands(config, (await taskOf(config)).checks(config)),
    downstream,
    depth: options.depth,
    verdicts: verdictFolder(config),
    ...(options.signal && { signal: options.signal }),
    ...(options.onProgress && { onProgress: options.onProgress }),
  });
  return {
    volumes: [train, held, unused, ...downstream.map(({ cases }) => cases)].reduce(
      (count, list) => count + list.length,
      0,
    ),
    regionMasks: regionMaskCounts([...train, ...held]),
    findings: bySeverity([...ofLists, ...downstream.flatMap((list) => list.findings), ...findings]),
    bad,
  };
}

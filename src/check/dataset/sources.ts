import { resolve } from 'node:path';
import { resolveTask, type Config, type SourceConfig } from '../../config';
import { classifiedCases } from '../../data/classified';
import { downstreamFor } from '../../downstream/descriptors';
import { UserError } from '../../errors/userError';
import type { Case } from '../../data/datalist/case';
import { datalistKeys, readDatalist } from '../../data/datalist/decathlon';
import { resolveSources, type DataSource } from '../../data/datalist/sources';
import { mergeMasks } from '../../data/labelled';
import type { Finding } from './finding';

function placeOf(source: DataSource, configDir: string): string {
  return resolve(configDir, 'datalist' in source ? source.datalist : 'folder' in source ? source.folder : source.glob);
}

/** What a datalist says about itself that is not so; harmless, since entries are counted, but a sign of a wrong file. */
async function lintDatalist(file: string): Promise<Finding[]> {
  const content = await readDatalist(file);
  const counts = new Map(datalistKeys(content).map(({ key, count }) => [key, count]));
  const claims = [
    ['numTraining', 'training'],
    ['numValidation', 'validation'],
    ['numTest', 'test'],
  ] as const;
  return claims.flatMap(([claim, key]): Finding[] => {
    const said = content[claim];
    const count = counts.get(key);
    if (typeof said !== 'number' || count === undefined || said === count) return [];
    return [
      {
        severity: 'info',
        file,
        message: `${claim} says ${said}, but "${key}" has ${count} entries`,
        advice: 'the number is ignored and the entries are counted; check that this is the right list',
      },
    ];
  });
}

/** Cases of some sources of a config, as its task wants them: without labels, with label maps, or with classes. */
export async function casesOfSources(
  config: Config,
  sources: readonly SourceConfig[],
  onNote?: (message: string) => void,
): Promise<Case[]> {
  const { channel } = config.data;
  const options = { channel, ...(onNote && { onNote }) };
  // Paths in a loaded config are absolute: the folder that relative ones would start from does not matter.
  if (config.kind === 'pretrain') return resolveSources(sources, '/', { labels: false, ...options });
  const { output, classes } = resolveTask(config.task);
  if (downstreamFor(output).labelMaps) return resolveSources(sources, '/', { labels: true, ...options });
  return classifiedCases(sources, classes);
}

/** The cases of one source of a config. */
export const casesOfSource = (config: Config, source: SourceConfig): Promise<Case[]> =>
  casesOfSources(config, [source]);

/**
 * Resolves sources one by one, so that one bad list does not hide what is wrong with the others.
 *
 * @param configDir folder that relative paths start from
 * @param casesOf the cases of some of them
 * @returns the cases of the sources that could be read, and a finding for each that could not
 */
export async function checkSources<S extends DataSource>(
  sources: readonly S[],
  configDir: string,
  casesOf: (sources: readonly S[], onNote?: (message: string) => void) => Promise<Case[]>,
): Promise<{ cases: Case[]; findings: Finding[] }> {
  const findings: Finding[] = [];
  const good: S[] = [];
  for (const source of sources) {
    const file = placeOf(source, configDir);
    try {
      await casesOf([source], (message) => findings.push(noteOf(message)));
      good.push(source);
      if ('datalist' in source && /\.json$/i.test(file)) findings.push(...(await lintDatalist(file)));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const message = error.message.startsWith(`${file}:`)
        ? error.message
            .slice(file.length + 1)
            .replace(/^(\d+): /, 'line $1: ')
            .trimStart()
        : error.message;
      findings.push({ severity: 'error', file, message, advice: 'correct the source in the config or the file' });
    }
  }
  return { cases: good.length > 0 ? await casesOf(good) : [], findings };
}

/** A sentence that begins with the name of a file, as a finding. */
function noteOf(text: string): Finding {
  const [, file, message] = /^(.*?): (.*)$/s.exec(text) ?? ['', '', text];
  return { severity: 'info', file: file!, message: message!, advice: 'check that this is meant' };
}

/** Merges the masks of the cases that have some; a case whose masks cannot be merged is left out. */
export async function withMergedMasks(
  config: Config,
  cases: readonly Case[],
): Promise<{ cases: Case[]; findings: Finding[] }> {
  if (config.kind === 'pretrain') return { cases: [...cases], findings: [] };
  const findings: Finding[] = [];
  const advice = 'correct the masks, or remove the case';
  const merged = await mergeMasks(cases, resolveTask(config.task).classes, {
    folder: config.data.cache.folder,
    onWarning: (message) => findings.push({ ...noteOf(message), severity: 'warning' }),
    onFailure: (_, { message }) => findings.push({ ...noteOf(message), severity: 'error', advice }),
  });
  return { cases: merged, findings };
}

import { resolve } from 'node:path';
import { resolveTask, type Config, type SourceConfig } from '../../config';
import { classifiedInSource } from '../../data/classified';
import { downstreamFor } from '../../downstream/descriptors';
import { adviceFor } from '../../errors/advice';
import { UserError } from '../../errors/userError';
import { withUniqueIds, type Case } from '../../data/datalist/case';
import { datalistKeys, readDatalist } from '../../data/datalist/decathlon';
import type { Found } from '../../data/datalist/found';
import { findInSource, type DataSource } from '../../data/datalist/sources';
import { mergeMasks } from '../../data/labelled';
import { counted } from '../../text';
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
        message: `${claim} says ${said}, but "${key}" has ${counted(count, 'entry', 'entries')}`,
        advice: 'the number is ignored and the entries are counted; check that this is the right list',
      },
    ];
  });
}

/** The cases of one source of a config, as its task wants them: without labels, with label maps, or with classes. */
export function findInConfig(
  config: Config,
  source: SourceConfig,
  onNote?: (message: string) => void,
): Promise<readonly Found[]> {
  const { channel, missingChannels } = config.data;
  const options = { channel, missingChannels, ...(onNote && { onNote }) };
  // Paths in a loaded config are absolute: the folder that relative ones would start from does not matter.
  if (config.kind === 'pretrain') return findInSource(source, '/', { labels: false, ...options });
  const { output, classes } = resolveTask(config.task);
  if (downstreamFor(output).labelMaps) return findInSource(source, '/', { labels: true, ...options });
  return classifiedInSource(source, classes);
}

/** {@link findInConfig} with ids. */
export const casesOfSource = async (config: Config, source: SourceConfig): Promise<Case[]> =>
  withUniqueIds(await findInConfig(config, source));

/**
 * Lists sources one by one, so that one bad list does not hide what is wrong with the others.
 *
 * @param configDir folder that relative paths start from
 * @param find the cases of one of them
 * @returns the cases of the sources that could be read, and a finding for each that could not
 */
export async function checkSources<S extends DataSource>(
  sources: readonly S[],
  configDir: string,
  find: (source: S, onNote: (message: string) => void) => Promise<readonly Found[]>,
): Promise<{ cases: Case[]; findings: Finding[] }> {
  const findings: Finding[] = [];
  const found: Found[] = [];
  const onNote = (message: string): void => void findings.push(noteOf(message));
  for (const source of sources) {
    const file = placeOf(source, configDir);
    try {
      found.push(...(await find(source, onNote)));
      if ('datalist' in source && /\.json$/i.test(file)) findings.push(...(await lintDatalist(file)));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const message = error.message.startsWith(`${file}:`)
        ? error.message
            .slice(file.length + 1)
            .replace(/^(\d+): /, 'line $1: ')
            .trimStart()
        : error.message;
      const advice = adviceFor(message, 'correct the source in the config or the file');
      findings.push({ severity: 'error', file, message, advice });
    }
  }
  return { cases: withUniqueIds(found, onNote), findings };
}

/** A sentence that begins with the name of a file, as a finding. */
function noteOf(text: string): Finding {
  const [, file, message] = /^(.*?): (.*)$/s.exec(text) ?? ['', '', text];
  return { severity: 'info', file: file!, message: message!, advice: adviceFor(message!, 'check that this is meant') };
}

/** Merges the masks of the cases that have some; what concerns a single case is its problem. */
export async function withMergedMasks(
  config: Config,
  cases: readonly Case[],
): Promise<{ cases: readonly Case[]; findings: Finding[] }> {
  if (config.kind === 'pretrain') return { cases, findings: [] };
  const findings: Finding[] = [];
  const options = {
    folder: config.data.cache.folder,
    onWarning: (message: string) => void findings.push({ ...noteOf(message), severity: 'warning' }),
  };
  try {
    return { cases: await mergeMasks(cases, resolveTask(config.task).classes, options), findings };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const note = noteOf(error.message);
    const advice = adviceFor(note.message, 'correct the masks, or the classes of the task');
    return { cases: [], findings: [...findings, { ...note, severity: 'error', advice }] };
  }
}

import type { Config, SourceConfig } from '../../config';
import type { ConfigPath } from '../../schema/tree';
import type { Problem } from '../../schema';
import type { ImageFacts } from '../../data/judge';
import { casesOfSource, mapLimited, type CaseFacts } from '../dataset';
import { datalistKeys, imageFiles, readDatalist, type Case } from '../../data/datalist';
import { closest } from '../../errors/closest';
import { UserError } from '../../errors/userError';
import type { FileFacts } from './fileFacts';

/** More volumes than this are not looked at while somebody types: `voco check` looks at all. */
const MAX_CASES = 2000;
const LANES = 16;

/** A source of a config, with its cases and what is known of their images. */
export interface Source {
  /** Where the config names it: `data.train[0].datalist`. */
  readonly path: ConfigPath;
  readonly cases: readonly CaseFacts[];
}

export type Part = 'train' | 'validation';

const keyOf = (source: SourceConfig): 'datalist' | 'folder' | 'glob' =>
  'datalist' in source ? 'datalist' : 'folder' in source ? 'folder' : 'glob';

/** A list that the datalist does not have: the one that was meant, where that is clear. */
async function wrongKey(source: SourceConfig, path: ConfigPath, message: string): Promise<Problem | undefined> {
  if (!('datalist' in source)) return undefined;
  const keys = datalistKeys(await readDatalist(source.datalist)).map(({ key }) => key);
  const asked = source.key ?? 'training';
  if (keys.includes(asked) || keys.length === 0) return undefined;
  const meant = closest(asked, keys) ?? (keys.length === 1 ? keys[0] : undefined);
  const at = [...path, 'key'];
  const fix = meant !== undefined && { title: `Change to "${meant}"`, path: at, value: meant };
  return { path: at, message, severity: 'error', ...(fix && { fix }) };
}

/** What is known of a case's images, and which of its files cannot be read, in their order. */
async function factsOf(item: Case, facts: FileFacts): Promise<CaseFacts & { unreadable: string[] }> {
  const images = await Promise.all(imageFiles(item).map((file) => facts.image(file)));
  const label = item.label === undefined ? [] : [await facts.image(item.label)];
  const unreadable = [...images, ...label].flatMap((one) => ('problem' in one ? [one.problem] : []));
  const lacks = item.problem ? [`${item.problem.file}: ${item.problem.message}`] : [];
  const known = images.flatMap((one): ImageFacts[] => ('facts' in one ? [one.facts] : []));
  return { item, images: known.length === images.length ? known : [], unreadable: [...unreadable, ...lacks] };
}

/** One source: its cases, and a problem when it, or files that it names, cannot be read. */
async function lookAtSource(
  config: Config,
  source: SourceConfig,
  path: ConfigPath,
  facts: FileFacts,
): Promise<Source & { problems: Problem[] }> {
  const place = [...path, keyOf(source)];
  let cases: readonly Case[];
  try {
    cases = await casesOfSource(config, source);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const problem = (await wrongKey(source, path, error.message).catch(() => undefined)) ?? {
      path: place,
      message: error.message,
      severity: 'error' as const,
    };
    return { path: place, cases: [], problems: [problem] };
  }
  const known = await mapLimited(cases.slice(0, MAX_CASES), LANES, undefined, (item) => factsOf(item, facts));
  // In the order of the list, whichever file was read first.
  const unreadable = known.flatMap((one) => one.unreadable);
  const problems: Problem[] = [];
  if (unreadable.length > 0) {
    const more = unreadable.length > 1 ? `; and ${unreadable.length - 1} more files of this source cannot be read` : '';
    problems.push({ path: place, message: `${unreadable[0]}${more}`, severity: 'error' });
  }
  return { path: place, cases: known, problems };
}

/** All sources of one list of a config. `skip` names those whose path is known to be wrong. */
export async function lookAtSources(
  config: Config,
  part: Part,
  facts: FileFacts,
  skip: (path: ConfigPath) => boolean = () => false,
): Promise<{ sources: Source[]; problems: Problem[] }> {
  const paths = config.data[part].map((source, i) => ({ source, path: ['data', part, i] as ConfigPath }));
  const looked = await Promise.all(
    paths.filter(({ path }) => !skip(path)).map(({ source, path }) => lookAtSource(config, source, path, facts)),
  );
  return { sources: looked, problems: looked.flatMap(({ problems }) => problems) };
}

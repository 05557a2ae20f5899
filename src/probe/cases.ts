import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config } from '../config';
import { imageFiles, lookAtData, resolveSources, type Case, type DataSource } from '../data/datalist';
import { UsageError, UserError } from '../errors/userError';
import { fewAtATime } from '../files/fewAtATime';
import type { ProbeTask } from '../protocol/probe';
import { counted } from '../text';
import type { Say } from '../train/types';
import { LEAST_VOLUMES } from './linearProbe';

/** Volumes to probe a network on, and what they can be asked. */
export interface Probed {
  readonly cases: readonly Case[];
  readonly task: ProbeTask;
}

/** Lists of cases to test a challenge on have no labels, and often other images. */
const TEST_LIST = /test/i;

/** All lists of a data set, or a folder. @throws UserError when there is nothing at the path */
async function sourcesAt(path: string): Promise<DataSource[]> {
  const { list, keys = [] } = await lookAtData(path);
  if (!list) return [{ folder: path }];
  const wanted = keys.filter((key) => !TEST_LIST.test(key));
  return wanted.length > 0 ? wanted.map((key) => ({ datalist: path, key })) : [{ datalist: path }];
}

/** One case of each image: an image that two lists name must not be on both sides of a split. */
async function ofOwnImages(cases: readonly Case[]): Promise<Case[]> {
  const names = await fewAtATime(cases, async (item) => {
    const files = imageFiles(item).map((file) => realpath(file).catch(() => file));
    return (await Promise.all(files)).join('\n');
  });
  const first = new Map(names.map((name, i) => [name, i] as const).reverse());
  return cases.filter((_, i) => first.get(names[i]!) === i);
}

/** Cases with a label map each; those without are told and left out. */
async function labelledCases(sources: readonly DataSource[], config: Config, say: Say): Promise<Case[]> {
  const { channel, missingChannels } = config.data;
  // Paths in a loaded config are absolute: the folder that relative ones would start from does not matter.
  const found = await resolveSources(sources, '/', { labels: true, channel, missingChannels });
  const masks = found.find((item) => item.masks !== undefined);
  if (masks)
    throw new UserError(
      `${imageFiles(masks)[0]}: its labels are several masks; merge them into one label map to probe for organs`,
    );
  const without = found.filter(({ label, problem }) => label === undefined || problem !== undefined);
  if (without.length > 0) {
    const [one] = without;
    const reason = one!.problem?.message ?? 'has no label map';
    say(`${counted(without.length, 'case')} left out, such as ${imageFiles(one!)[0]}: ${reason}`);
  }
  // Which classes a label map tells of does not matter here: crops are drawn where there is a label.
  return found.filter((item) => !without.includes(item)).map(({ labelled: _, ...item }) => item);
}

/**
 * The volumes of a list or a folder, else those of the config, each once.
 *
 * @param task what is to be asked; undefined: organs where enough cases have labels, else positions
 * @throws UserError naming the list or folder at fault
 */
export async function findProbed(
  config: Config,
  data: string | undefined,
  task: ProbeTask | undefined,
  say: Say,
): Promise<Probed> {
  const named = data === undefined ? undefined : await sourcesAt(resolve(data));
  const sources: readonly DataSource[] = named ?? [...config.data.train, ...config.data.validation];
  if (sources.length === 0) throw new UsageError('voco probe: the config names no data; add --data LIST');
  const { channel, missingChannels } = config.data;
  const plain = (): Promise<Case[]> => resolveSources(sources, '/', { labels: false, channel, missingChannels });
  if (task === 'position') return { task, cases: await ofOwnImages(await plain()) };
  if (task === 'organ') return { task, cases: await ofOwnImages(await labelledCases(sources, config, say)) };
  const organs = await organsIfLabelled(sources, config);
  if ('cases' in organs) {
    organs.said.forEach((line) => say(line));
    return { task: 'organ', cases: organs.cases };
  }
  const all = await plain();
  say(`the probe asks for positions: ${organs.why}`);
  return { task: 'position', cases: await ofOwnImages(all) };
}

/** Labelled cases if there are enough of them, with what is to be said of the others; else why not. */
async function organsIfLabelled(
  sources: readonly DataSource[],
  config: Config,
): Promise<{ cases: Case[]; said: string[] } | { why: string }> {
  const said: string[] = [];
  try {
    const cases = await ofOwnImages(await labelledCases(sources, config, (line) => said.push(line)));
    if (cases.length >= LEAST_VOLUMES) return { cases, said };
    return { why: `${counted(cases.length, 'case')} with labels are too few to ask for organs` };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { why: `there are no labels: ${error.message}` };
  }
}

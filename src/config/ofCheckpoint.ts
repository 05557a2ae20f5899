import { UserError } from '../errors/userError';
import { parseJson } from '../files/json';
import { isRecord, formatPath } from '../schema/tree';
import { MOST_CONFIG_BYTES, MOST_CONFIG_DEPTH } from './bounds';
import { check } from './diagnose';
import type { Config, ConfigByKind, ConfigKind } from './types';

type Metadata = Readonly<Record<string, string>>;

/** What a checkpoint states as its config, unchecked: to be shown, never to be run. Undefined where it states none. */
export function statedConfig({ config: text }: Metadata): Record<string, unknown> | undefined {
  if (text === undefined || text.length > MOST_CONFIG_BYTES) return undefined;
  try {
    const value = parseJson(text, { depth: MOST_CONFIG_DEPTH });
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What a checkpoint states as its config where that is one, with every default; undefined also for one of another version. */
export function validConfig(metadata: Metadata): Config | undefined {
  const stated = statedConfig(metadata);
  return stated && check(stated).config;
}

/**
 * The config that a checkpoint carries, after the same checks as that of a file: a checkpoint may come from anywhere.
 *
 * @param file for the message
 * @throws UserError naming the file and the first problem
 */
export function configOfCheckpoint<K extends ConfigKind>(file: string, metadata: Metadata, kind: K): ConfigByKind[K] {
  const stated = statedConfig(metadata);
  if (!stated) throw new UserError(`${file}: the config in it cannot be read: it is no JSON of a config`);
  const { config, problems } = check(stated);
  const wrong = problems.find(({ severity }) => severity === 'error');
  if (!config || wrong) {
    const where = wrong && wrong.path.length > 0 ? `${formatPath(wrong.path)}: ` : '';
    throw new UserError(`${file}: the config in it cannot be used: ${where}${wrong?.message ?? 'it is damaged'}`);
  }
  if (config.kind !== kind) throw new UserError(`${file}: the config in it is of kind "${config.kind}", not "${kind}"`);
  return config as ConfigByKind[K];
}

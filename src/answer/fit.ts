import type { PretrainConfig } from '../config';
import { UserError } from '../errors/userError';
import { isRecord } from '../schema/tree';

const ADVICE = 'choose a checkpoint of a run of this config';

/** A key of two sections that differs, with its values. */
interface Difference {
  readonly key: string;
  readonly ours: unknown;
  readonly theirs: unknown;
}

function differences(ours: unknown, theirs: unknown, key: string): Difference[] {
  if (!isRecord(ours) || !isRecord(theirs))
    return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [{ key, ours, theirs }];
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])];
  return names.flatMap((name) => differences(ours[name], theirs[name], `${key}.${name}`));
}

const shown = (value: unknown): string => (value === undefined ? 'absent' : JSON.stringify(value));

/**
 * That a checkpoint is of the pretext task and the network of a config.
 *
 * @param own the checkpoint's config
 * @throws UserError in a line that says what differs
 */
export function requireSameTask(config: PretrainConfig, own: PretrainConfig, file: string): void {
  const refuse = (what: string, theirs: string, ours: string): never => {
    throw new UserError(`${file}: is of the ${what} ${theirs}, and the config has ${ours}; ${ADVICE}`);
  };
  if (own.method.name !== config.method.name) refuse('pretext task', own.method.name, config.method.name);
  if (own.network.name !== config.network.name) refuse('network', own.network.name, config.network.name);
}

/** Why the weights of a checkpoint do not fit what a config builds: the keys that differ in the sections that decide it. */
export function misfit(config: PretrainConfig, own: PretrainConfig, file: string, cause: UserError): UserError {
  const found = [
    ...differences(config.network, own.network, 'network'),
    ...differences(config.method, own.method, 'method'),
  ];
  if (found.length === 0) return cause;
  const list = found.map(({ key, ours, theirs }) => `${key} is ${shown(theirs)} there and ${shown(ours)} here`);
  return new UserError(`${file}: does not fit the config: ${list.join(', ')}; ${ADVICE}`, cause.exitCode, { cause });
}

import type { PretrainConfig } from '../../config';
import { UserError } from '../../errors/userError';
import { vocoDescriptor, type VocoMethod } from './descriptor';

/** A pre-training config whose pretext task is VoCo. */
export type VocoConfig = PretrainConfig & { readonly method: VocoMethod };

export const isVoco = (config: PretrainConfig): config is VocoConfig => config.method.name === vocoDescriptor.name;

/**
 * The config as one of VoCo, for what only VoCo can be asked: where crops are.
 *
 * @param file what the config is of, for the error
 * @throws UserError where its pretext task is another one
 */
export function requireVoco(config: PretrainConfig, file: string): VocoConfig {
  const { name } = config.method;
  if (isVoco(config)) return config;
  throw new UserError(`${file}: its pretext task is "${name}", which learns no positions; name a checkpoint of "voco"`);
}

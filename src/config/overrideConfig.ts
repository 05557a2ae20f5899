import { UsageError } from '../errors/userError';
import { formatPath } from '../schema/tree';
import { check } from './diagnose';
import { applyOverride, overrideOf, parseOverride } from './overrides';
import type { Config } from './types';
import { configSchema } from './validate';

/**
 * Lays `--set path=value` overrides over a config that is complete, such as that of a checkpoint. Of what else is in it nothing is
 * said: it may be of an earlier version.
 *
 * @throws UsageError for an override that cannot be read, or whose value the config cannot have
 */
export function overrideConfig<C extends Config>(config: C, set: readonly string[]): C {
  if (set.length === 0) return config;
  const value = structuredClone(config) as C & Record<string, unknown>;
  const overrides = set.map((item) => parseOverride(item, configSchema()));
  for (const override of overrides) applyOverride(value, override, configSchema());
  for (const { path, message, severity } of check(value).problems) {
    const override = overrideOf(path, overrides);
    if (override && severity === 'error')
      throw new UsageError(`--set ${override.text}: ${formatPath(path)}: ${message}`);
  }
  return value;
}

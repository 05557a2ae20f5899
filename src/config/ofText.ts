import { check, parseText } from './diagnose';
import { resolvePaths } from './paths';
import type { Config } from './types';

/** The config of a text with every default filled in and every path absolute, or undefined when anything is wrong with it. */
export function configOfText(text: string, folder: string): Config | undefined {
  const { value, errors } = parseText(text);
  if (errors.length > 0) return undefined;
  const { config, schema, problems } = check(value);
  if (!config || problems.some(({ severity }) => severity === 'error')) return undefined;
  return resolvePaths(config, schema, folder);
}

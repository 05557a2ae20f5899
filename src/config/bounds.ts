import { isRecord, type ConfigPath } from '../schema/tree';
import type { Problem } from '../schema/problem';

/** Bytes of a config: one of ours has some kilobytes. */
export const MOST_CONFIG_BYTES = 4 * 1024 * 1024;
/** Lists and objects inside of each other. */
export const MOST_CONFIG_DEPTH = 100;
/** Items of a list, or keys of an object. A list of cases is a datalist, and no part of a config. */
export const MOST_ENTRIES = 1000;
const MOST_IN_ALL = 20_000;

/** What is beyond every config, and would be slow to check: an endless list, an endless object. */
export function boundProblem(config: unknown): Problem | undefined {
  let all = 0;
  const open: { readonly value: unknown; readonly path: ConfigPath }[] = [{ value: config, path: [] }];
  for (let place = open.pop(); place; place = open.pop()) {
    const { value, path } = place;
    const list = Array.isArray(value);
    if (!list && !isRecord(value)) continue;
    const entries: [string | number, unknown][] = list ? [...value.entries()] : Object.entries(value);
    const message = list
      ? `has ${entries.length} items, more than ${MOST_ENTRIES}: name many cases in a datalist`
      : `has ${entries.length} keys, more than ${MOST_ENTRIES}: this is no config`;
    if (entries.length > MOST_ENTRIES) return { path, message, severity: 'error' };
    all += entries.length;
    if (all > MOST_IN_ALL)
      return { path: [], message: `has more than ${MOST_IN_ALL} entries: this is no config`, severity: 'error' };
    for (const [key, child] of entries) {
      if (typeof child !== 'object' || child === null) continue;
      if (path.length >= MOST_CONFIG_DEPTH)
        return { path, message: `is nested more than ${MOST_CONFIG_DEPTH} deep`, severity: 'error' };
      open.push({ value: child, path: [...path, key] });
    }
  }
  return undefined;
}

import { formatCount } from './numbers';

/** The noun for a number of things: "volume" for 1, else "volumes". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? one : many;
}

/** "1 volume", "3 volumes", "20,000 steps". */
export function counted(count: number, one: string, many?: string): string {
  return `${formatCount(count)} ${plural(count, one, many)}`;
}

/** ["a", "b", "c"] → "a, b or c". */
export function listOf(words: readonly string[], conjunction: 'and' | 'or'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)!}`;
}

/** A value as it stands in a config, in one line: `{"kind": "zscore", "nonzero": false}`. */
export function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}: ${valueText(one)}`)
    .join(', ')}}`;
}

/** What long work is at, as in a run's state: "validating case 3 of 12 (22%)"; empty for what is none. */
export function activityText(activity: { readonly what: string; readonly share?: number } | undefined): string {
  if (typeof activity?.what !== 'string') return '';
  const { what, share } = activity;
  return typeof share === 'number' && share > 0 && share < 1 ? `${what} (${Math.floor(100 * share)}%)` : what;
}

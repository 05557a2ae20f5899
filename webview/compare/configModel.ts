import type { ConfigDifference } from '../../src/protocol/comparison';

/** A value of a config as people write it: texts without quotes, lists with commas. */
export function valueText(json: string | null): string {
  if (json === null) return '–';
  const value = JSON.parse(json) as unknown;
  if (typeof value === 'string') return value;
  return Array.isArray(value) && value.every((one) => typeof one === 'number') ? value.join(', ') : json;
}

/** The differences whose path or values hold a text. */
export function matching(differences: readonly ConfigDifference[], text: string): ConfigDifference[] {
  const wanted = text.trim().toLowerCase();
  return differences.filter(({ path, values }) =>
    [path, ...values.map(valueText)].some((one) => one.toLowerCase().includes(wanted)),
  );
}

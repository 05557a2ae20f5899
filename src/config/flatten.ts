import { formatPath, isRecord } from '../schema/tree';

/** A value of a config as one cell of a table. */
export type ConfigCell = number | string | boolean | null;

/** Deeper or longer than any config of ours: what is beyond is damage, and is left out. */
const MAX_DEPTH = 12;
const MAX_CELLS = 2000;

function cellOf(value: readonly unknown[]): string {
  const plain = value.every((item) => typeof item !== 'object' || item === null);
  return plain ? value.map(String).join(', ') : JSON.stringify(value);
}

/**
 * The leaves of a config by their paths (`method.grid`, `train.steps`), in the order of the file. A list is one leaf: its
 * items joined by commas, or its JSON where the items are not plain.
 */
export function flattenConfig(config: unknown): Map<string, ConfigCell> {
  const cells = new Map<string, ConfigCell>();
  const walk = (value: unknown, path: readonly string[]): void => {
    if (isRecord(value) && path.length < MAX_DEPTH) {
      for (const [key, child] of Object.entries(value)) walk(child, [...path, key]);
    } else if (path.length > 0 && cells.size < MAX_CELLS) {
      const plain = typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
      cells.set(formatPath(path), plain ? value : Array.isArray(value) ? cellOf(value) : null);
    }
  };
  walk(config, []);
  return cells;
}

/** Settings in which two configs differ, with their values in both; null for one that is not there. */
export function configDifferences(a: unknown, b: unknown): Map<string, readonly [ConfigCell, ConfigCell]> {
  const [first, second] = [flattenConfig(a), flattenConfig(b)];
  const found = new Map<string, readonly [ConfigCell, ConfigCell]>();
  for (const path of new Set([...first.keys(), ...second.keys()])) {
    const pair = [first.get(path) ?? null, second.get(path) ?? null] as const;
    if (pair[0] !== pair[1]) found.set(path, pair);
  }
  return found;
}

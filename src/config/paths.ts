import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isRecord, itemSchema, type SchemaNode } from '../schema/tree';

function resolvePath(text: string, folder: string): string {
  if (text === '~' || /^~[/\\]/.test(text)) return join(homedir(), text.slice(1));
  return resolve(folder, text);
}

/**
 * A copy of the config with every path made absolute. Which values are paths, the schema says (`format: path`).
 *
 * @param schema settled for this value.
 * @param folder where relative paths start.
 */
export function resolvePaths<T>(value: T, schema: SchemaNode, folder: string): T {
  return walk(value, schema, folder) as T;
}

function walk(value: unknown, schema: SchemaNode | undefined, folder: string): unknown {
  if (schema === undefined) return value;
  if (typeof value === 'string') return schema.format === 'path' ? resolvePath(value, folder) : value;
  if (Array.isArray(value)) return value.map((item, index) => walk(item, itemSchema(schema, index), folder));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, child]) => [key, walk(child, schema.properties?.[key], folder)]);
  return Object.fromEntries(entries) as unknown;
}

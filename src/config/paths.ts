import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { literalPattern } from '../files/pattern';
import { isRecord, itemSchema, type SchemaNode } from '../schema/tree';

/** @param literal how a folder is written where the text is a pattern. */
function resolvePath(text: string, folder: string, literal = (path: string) => path): string {
  if (text === '~' || /^~[/\\]/.test(text)) return join(literal(homedir()), text.slice(1));
  return resolve(literal(folder), text);
}

/**
 * A copy of the config with every path made absolute. Which values are paths, the schema says (`format: path`, or
 * `path-pattern`, whose folder is taken literally).
 *
 * @param schema settled for this value.
 * @param folder where relative paths start.
 */
export function resolvePaths<T>(value: T, schema: SchemaNode, folder: string): T {
  return walk(value, schema, folder) as T;
}

function walk(value: unknown, schema: SchemaNode | undefined, folder: string): unknown {
  if (schema === undefined) return value;
  if (typeof value === 'string') {
    if (schema.format === 'path-pattern') return resolvePath(value, folder, literalPattern);
    return schema.format === 'path' ? resolvePath(value, folder) : value;
  }
  if (Array.isArray(value)) return value.map((item, index) => walk(item, itemSchema(schema, index), folder));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, child]) => [key, walk(child, schema.properties?.[key], folder)]);
  return Object.fromEntries(entries) as unknown;
}

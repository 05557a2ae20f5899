import { UsageError } from '../errors/userError';
import { formatPath, isRecord, schemasAt, type ConfigPath, type SchemaNode } from '../schema/tree';

export interface Override {
  readonly path: ConfigPath;
  readonly value: unknown;
  /** As written on the command line. */
  readonly text: string;
}

const SEGMENT = /^(?:\.?([A-Za-z_$][\w$-]*)|\[(\d{1,6})\])/;
const FORBIDDEN = new Set(['__proto__', 'prototype', 'constructor']);

function parsePath(text: string, whole: string): ConfigPath {
  const path: (string | number)[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const match = SEGMENT.exec(rest);
    const misplaced = match && (rest.startsWith('.') ? path.length === 0 : path.length > 0 && match[2] === undefined);
    if (!match || misplaced || FORBIDDEN.has(match[1] ?? '')) {
      throw new UsageError(`--set ${whole}: "${text}" is not a path; write it as in method.grid[0]=3`);
    }
    path.push(match[2] === undefined ? match[1]! : Number(match[2]));
    rest = rest.slice(match[0].length);
  }
  return path;
}

function parseValue(text: string, schemas: readonly SchemaNode[]): unknown {
  const onlyText = schemas.length > 0 && schemas.every((schema) => schema.type === 'string');
  if (onlyText && !text.startsWith('"')) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/**
 * Reads one `path=value` of the command line. The value is JSON where it parses as such, else text.
 *
 * @throws UsageError when there is no `=` or the path cannot be read.
 */
export function parseOverride(text: string, schema: SchemaNode): Override {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UsageError(`--set ${text}: write it as path=value, as in train.steps=1000`);
  const path = parsePath(text.slice(0, equals), text);
  return { path, value: parseValue(text.slice(equals + 1), schemasAt(schema, path)), text };
}

/** What is there before one of its parts is set: a list's default; of an object that says its kind the default kind. */
function startOf(schemas: readonly SchemaNode[], list: boolean): unknown {
  const defaults = schemas.map((node) => node.default);
  if (list) return structuredClone(defaults.find((value) => Array.isArray(value)) ?? []);
  const kind = defaults.find((value) => isRecord(value) && typeof value.kind === 'string');
  return isRecord(kind) ? { kind: kind.kind } : {};
}

/** The override that a value comes from, the last of several; undefined where none set it. */
export function overrideOf(path: ConfigPath, overrides: readonly Override[]): Override | undefined {
  return [...overrides].reverse().find((one) => one.path.every((part, index) => path[index] === part));
}

/**
 * Leaves out what was of another kind: of an object that says its kind or name, keys that the new one does not have.
 *
 * @param key the key that is about to be set to `value`
 */
function dropKeysOfOthers(
  parent: Record<string | number, unknown>,
  key: string | number,
  value: unknown,
  schemas: readonly SchemaNode[],
): void {
  if (parent[key] === undefined || parent[key] === value) return;
  for (const { anyOf = [] } of schemas) {
    const constants = anyOf.map((branch) => branch.properties?.[key]?.const);
    const chosen = anyOf[constants.indexOf(value)];
    if (value === undefined || !chosen?.properties) continue;
    const known = chosen.properties;
    for (const name of Object.keys(parent)) if (!Object.hasOwn(known, name)) delete parent[name];
  }
}

/** Puts a value into a config, making the objects and lists on the way (lists start as their default). */
export function applyOverride(root: Record<string, unknown>, override: Override, schema: SchemaNode): void {
  let at: unknown = root;
  override.path.forEach((part, depth) => {
    const parent = at as Record<string | number, unknown>;
    const here = override.path.slice(0, depth + 1);
    const fits = typeof part === 'number' ? Array.isArray(parent) && part <= parent.length : isRecord(parent);
    if (!fits) {
      const place = formatPath(override.path.slice(0, depth));
      const kind = typeof part === 'number' ? `a list with at least ${part} item(s)` : 'an object';
      throw new UsageError(`--set ${override.text}: ${place} is not ${kind}`);
    }
    if (depth === override.path.length - 1) {
      if (isRecord(parent))
        dropKeysOfOthers(parent, part, override.value, schemasAt(schema, override.path.slice(0, depth)));
      parent[part] = override.value;
      return;
    }
    const present = Object.hasOwn(parent, part) ? parent[part] : undefined;
    if (present === undefined || (present === null && !Array.isArray(present))) {
      const list = typeof override.path[depth + 1] === 'number';
      parent[part] = startOf(schemasAt(schema, here), list);
    }
    at = parent[part];
  });
}

import { isIdle, isRecord, itemSchema, ownProperty, settle, type SchemaNode } from '../../schema/tree';

const WIDTH = 116;

/** Words that end with a period in the middle of a sentence. */
const ABBREVIATION = /(?:\bet al|\be\.g|\bi\.e|\bcf|\bvs|\bapprox|\bno)$/i;

/** A sentence ends with a period that is in no parentheses and after no abbreviation. */
function firstSentence(schema: SchemaNode | undefined): string {
  const text = schema?.description ?? '';
  for (const { index } of text.matchAll(/\.(?=\s|$)/g)) {
    const before = text.slice(0, index);
    const open = before.split('(').length - before.split(')').length;
    if (open <= 0 && !ABBREVIATION.test(before)) return before;
  }
  return text;
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (!isRecord(value)) return JSON.stringify(value);
  const parts = Object.entries(value).map(([key, child]) => `${JSON.stringify(key)}: ${inline(child)}`);
  return parts.length ? `{ ${parts.join(', ')} }` : '{}';
}

function isSimple(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => !Array.isArray(item) && !isRecord(item));
  return !isRecord(value);
}

function property(
  key: string,
  value: unknown,
  schema: SchemaNode | undefined,
  indent: string,
  comma: string,
): string[] {
  const head = `${indent}${JSON.stringify(key)}: `;
  const comment = firstSentence(schema);
  if (isSimple(value)) {
    const line = `${head}${inline(value)}${comma}`;
    if (comment === '') return [line];
    const together = `${line} // ${comment}`;
    return together.length <= WIDTH ? [together] : [`${indent}// ${comment}`, line];
  }
  const above = comment === '' ? [] : [`${indent}// ${comment}`];
  if (Array.isArray(value)) {
    const items = value.map((item, index) => `${indent}  ${inline(item)}${index < value.length - 1 ? ',' : ''}`);
    return [...above, `${head}[`, ...items, `${indent}]${comma}`];
  }
  const body = object(value as Record<string, unknown>, schema, `${indent}  `);
  return [...above, `${head}{`, ...body, `${indent}}${comma}`];
}

function object(value: Record<string, unknown>, schema: SchemaNode | undefined, indent: string): string[] {
  const entries = Object.entries(value).filter(([key]) => !isIdle(value, schema && ownProperty(schema, key)));
  return entries.flatMap(([key, child], index) =>
    property(key, child, schema && ownProperty(schema, key), indent, index < entries.length - 1 ? ',' : ''),
  );
}

/** Writes a config as JSON with comments: what each key means, in the words of the schema. */
export function commentedText(config: Record<string, unknown>, schema: SchemaNode, heading: readonly string[]): string {
  const settled = settle(schema, config, []);
  const body = object(config, settled, '  ');
  return [...heading.map((line) => `// ${line}`), '{', ...body, '}', ''].join('\n');
}

/** The keys of a config in the order of the schema, so that a written file reads as the documentation does. */
export function inSchemaOrder(value: unknown, schema: SchemaNode | undefined): unknown {
  if (Array.isArray(value)) return value.map((item, index) => inSchemaOrder(item, schema && itemSchema(schema, index)));
  if (!isRecord(value) || !schema?.properties) return value;
  const keys = Object.keys(schema.properties).filter((key) => Object.hasOwn(value, key));
  return Object.fromEntries(keys.map((key) => [key, inSchemaOrder(value[key], schema.properties![key])]));
}

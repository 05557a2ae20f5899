type Schema = Readonly<Record<string, unknown>>;

/** Keywords that only judge a value: the config's own diagnostics do that, with better words. */
const JUDGING = new Set([
  'additionalItems',
  'additionalProperties',
  'const',
  'enum',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'maxItems',
  'maximum',
  'maxLength',
  'minItems',
  'minimum',
  'minLength',
  'pattern',
  'patternErrorMessage',
  'required',
  'type',
  'uniqueItems',
]);

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function choices(schema: Schema): unknown[] {
  if (Array.isArray(schema.enum)) return schema.enum;
  if ('const' in schema) return [schema.const];
  if (schema.type === 'boolean') return [true, false];
  return Array.isArray(schema.examples) ? schema.examples : [];
}

function hover(schema: Schema): string | undefined {
  const { description, default: preset } = schema;
  if (typeof description !== 'string') return undefined;
  const text = JSON.stringify(preset);
  const shown = text !== undefined && text.length <= 60 && text !== '""' ? `\n\nDefault: \`${text}\`` : '';
  return `${description}${shown}`;
}

function mapValues(value: unknown): unknown {
  return isSchema(value)
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, editorSchema(one)]))
    : value;
}

/**
 * The config's schema with what the JSON editor needs for completion and hovers, and nothing that makes it judge: else it
 * would say a second time, in poorer words, what our own diagnostics say.
 */
export function editorSchema(schema: unknown): unknown {
  if (!isSchema(schema)) return schema;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (JUDGING.has(key) || key === 'examples') continue;
    if (key === 'properties') result[key] = mapValues(value);
    else if (Array.isArray(value) && ['anyOf', 'oneOf', 'allOf', 'items'].includes(key))
      result[key] = value.map(editorSchema);
    else result[key] = key === 'items' ? editorSchema(value) : value;
  }
  if (schema.type === 'object' || schema.type === 'array') result.type = schema.type;
  const examples = choices(schema);
  if (examples.length > 0) result.examples = examples;
  const markdown = hover(schema);
  if (markdown !== undefined) result.markdownDescription = markdown;
  return result;
}

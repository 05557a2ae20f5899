import { discriminator, type SchemaNode } from '../schema';

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
  'meant',
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
  if (!isSchema(value)) return value;
  const offered = Object.entries(value).filter(([, one]) => !isSchema(one) || one.deprecated !== true);
  return Object.fromEntries(offered.map(([key, one]) => [key, editorSchema(one)]));
}

/**
 * A choice by a name, for the editor: the key with every name, and the other keys of a branch where the key has its name; those
 * of the first branch where it is left out.
 */
function choiceByName(schema: SchemaNode, key: string): Schema {
  const { anyOf = [], ...rest } = schema;
  const named = anyOf.map((branch) => ({ name: branch.properties![key]!, branch }));
  const meanings = named.map(({ name }) => `${String(name.const)}: ${name.description ?? ''}`);
  const property = {
    default: named[0]!.name.const,
    enum: named.map(({ name }) => name.const),
    description: meanings.join('\n\n'),
  };
  const cases = named.map(({ name, branch }, index) => {
    const { [key]: _, ...others } = branch.properties!;
    const is = { properties: { [key]: { const: name.const } }, ...(index > 0 && { required: [key] }) };
    return { if: is, then: { properties: mapValues(others) } };
  });
  return { ...(editorSchema({ ...rest, properties: { [key]: property } }) as Schema), allOf: cases };
}

/**
 * The config's schema with what the JSON editor needs for completion and hovers, and nothing that makes it judge: else it
 * would say a second time, in poorer words, what our own diagnostics say.
 */
export function editorSchema(schema: unknown): unknown {
  if (!isSchema(schema)) return schema;
  const key = discriminator(schema);
  if (key !== undefined) return choiceByName(schema, key);
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

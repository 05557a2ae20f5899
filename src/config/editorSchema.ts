import { namedCondition, ownProperty, type SchemaNode } from '../schema';

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

/** A text that is this name, without being offered as a value: the JSON editor offers constants of conditions. */
const called = (name: string): Schema => ({ type: 'string', pattern: `^${name}$` });

type Properties = Readonly<Record<string, Schema>>;
/** Names of the networks that can learn each pretext task. */
type Pairs = Readonly<Record<string, readonly string[]>>;

/** What is offered as a section and its name: these names alone. */
function offers(section: Schema, names: readonly string[]): Schema {
  const examples = (section.examples as readonly { readonly name?: unknown }[] | undefined) ?? [];
  return {
    examples: examples.filter(({ name }) => names.includes(String(name))),
    properties: { name: { examples: names } },
  };
}

/** A section that offers nothing by itself. */
function silent(section: Schema): Schema {
  const { examples: _, ...others } = section;
  const { name, ...keys } = section.properties as Properties;
  const { examples: _names, default: _default, ...told } = name!;
  return { ...others, properties: { name: told, ...keys } };
}

/** A pre-training config's keys, of which pretext tasks and networks are offered only where they go together. */
function withPairs(properties: Properties, pairs: Pairs | undefined): Schema {
  const { method, network } = properties;
  if (!pairs || !method || !network) return { properties };
  const [tasks, networks] = [
    Object.keys(pairs),
    (network.properties as Properties).name!.examples as readonly string[],
  ];
  const cases = (from: string, to: string, namesBeside: Pairs, all: readonly string[]): Schema[] => {
    const offer = (names: readonly string[]) => ({ properties: { [to]: offers(properties[to]!, names) } });
    const beside = Object.entries(namesBeside).map(([name, names]) => ({
      if: namedCondition(from, called(name), true),
      then: offer(names),
    }));
    return [...beside, { if: namedCondition(from, { type: 'string' }, true), else: offer(all) }];
  };
  const tasksOf = networks.map((name) => [name, tasks.filter((task) => pairs[task]!.includes(name))]);
  return {
    properties: { ...properties, method: silent(method), network: silent(network) },
    allOf: [
      ...cases('method', 'network', pairs, networks),
      ...cases('network', 'method', Object.fromEntries(tasksOf) as Pairs, tasks),
    ],
  };
}

/** The key that has another constant in each branch of a choice. */
const constantKey = ({ anyOf = [] }: SchemaNode): string | undefined =>
  Object.keys(anyOf[0]?.properties ?? {}).find((key) =>
    anyOf.every((branch) => ownProperty(branch, key)?.const !== undefined),
  );

/**
 * A choice by a name, for the editor: the key with every name, and the other keys of a branch where the key has its name; those
 * of the first branch where it is left out.
 */
function choiceByName(schema: SchemaNode, key: string): Schema {
  const { anyOf = [], ...rest } = schema;
  const named = anyOf.map((branch) => ({ name: branch.properties![key]!, branch }));
  const texts = new Set(named.map(({ name }) => name.description ?? ''));
  // What all of them say says nothing of one.
  const meanings =
    texts.size === 1 ? [...texts] : named.map(({ name }) => `${String(name.const)}: ${name.description ?? ''}`);
  const property = {
    default: named[0]!.name.const,
    enum: named.map(({ name }) => name.const),
    description: meanings.join('\n\n'),
  };
  const cases = named.map(({ name, branch }, index) => {
    const { [key]: _, ...others } = branch.properties!;
    const is = { properties: { [key]: called(String(name.const)) }, ...(index > 0 && { required: [key] }) };
    return { if: is, then: withPairs(mapValues(others) as Properties, branch.pairs as Pairs | undefined) };
  });
  return { ...(editorSchema({ ...rest, properties: { [key]: property } }) as Schema), allOf: cases };
}

/**
 * The config's schema with what the JSON editor needs for completion and hovers, and nothing that makes it judge: else it
 * would say a second time, in poorer words, what our own diagnostics say.
 */
export function editorSchema(schema: unknown): unknown {
  if (!isSchema(schema)) return schema;
  const key = constantKey(schema);
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

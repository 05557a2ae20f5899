/** A place inside a config: property names and array indices from the root. */
export type ConfigPath = readonly (string | number)[];

/** The parts of JSON Schema that our schemas use, for walking them. */
export interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode | readonly SchemaNode[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
  readonly anyOf?: readonly SchemaNode[];
  /** Values of the sibling key `name` that look at this key; all without it. */
  readonly usedBy?: readonly string[];
  /** Names of sibling sections with which this key is looked at, by the key of the section. */
  readonly usedWith?: Readonly<Record<string, readonly string[]>>;
  readonly [keyword: string]: unknown;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Whether a key of a section is one that its `name`, or that of a section in it, does not look at: `betas` of an optimizer sgd.
 *
 * @returns the key whose value leaves it idle and that value, or undefined
 */
export function idleBecause(
  section: Readonly<Record<string, unknown>>,
  schema: SchemaNode | undefined,
): { readonly key: string; readonly value: string } | undefined {
  const { usedBy, usedWith = {} } = schema ?? {};
  const inner = Object.entries(usedWith).map(([key, names]) => [key, section[key], names] as const);
  const conditions = [...(usedBy ? [['name', section, usedBy] as const] : []), ...inner];
  for (const [key, holder, names] of conditions) {
    const value = isRecord(holder) ? holder.name : undefined;
    if (typeof value === 'string' && !names.includes(value)) return { key, value };
  }
  return undefined;
}

/** See {@link idleBecause}. */
export const isIdle = (section: Readonly<Record<string, unknown>>, schema: SchemaNode | undefined): boolean =>
  idleBecause(section, schema) !== undefined;

/** `data.train[0].key`, as users write it; the root is an empty string. */
export function formatPath(path: ConfigPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const plain = /^[A-Za-z_$][\w$-]*$/.test(part) ? part : JSON.stringify(part);
    return text === '' ? plain : `${text}.${plain}`;
  }, '');
}

export function itemSchema(schema: SchemaNode, index: number): SchemaNode | undefined {
  const { items } = schema;
  if (items === undefined) return undefined;
  return Array.isArray(items) ? (items as readonly SchemaNode[])[index] : (items as SchemaNode);
}

/** Schemas that may apply at a path (several where there is a choice), before a value is known. */
export function schemasAt(root: SchemaNode, path: ConfigPath): SchemaNode[] {
  let found = [root];
  for (const part of path) {
    const alternatives = found.flatMap((schema) => (schema.anyOf ? [...schema.anyOf] : [schema]));
    found = alternatives.flatMap((schema) => {
      const next = typeof part === 'number' ? itemSchema(schema, part) : ownProperty(schema, part);
      return next ? [next] : [];
    });
  }
  return found;
}

export function ownProperty(schema: SchemaNode, name: string): SchemaNode | undefined {
  return schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
}

/** Every path of the schema whose last part is the given key, array items written as index 0. */
export function pathsOfKey(root: SchemaNode, key: string, path: ConfigPath = []): ConfigPath[] {
  const found: ConfigPath[] = [];
  for (const [name, child] of Object.entries(root.properties ?? {})) {
    if (name === key) found.push([...path, name]);
    found.push(...pathsOfKey(child, key, [...path, name]));
  }
  const item = itemSchema(root, 0);
  if (item) found.push(...pathsOfKey(item, key, [...path, 0]));
  for (const branch of root.anyOf ?? []) found.push(...pathsOfKey(branch, key, path));
  return found;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function fitsType(schema: SchemaNode, value: unknown): boolean {
  const types = schema.type === undefined ? [] : [schema.type].flat();
  return types.includes(typeOf(value)) || (types.includes('integer') && typeof value === 'number');
}

/** How much a value looks as if it was meant for a branch; 0 when it does not at all. */
function likeness(branch: SchemaNode, value: unknown): number {
  if (branch.const !== undefined) return branch.const === value ? 2 : 0;
  if (!fitsType(branch, value)) return 0;
  if (!isRecord(value)) return 1;
  let score = branch.required?.length ? 0 : 1;
  for (const key of branch.required ?? []) {
    if (!Object.hasOwn(value, key)) continue;
    const expected = ownProperty(branch, key)?.const;
    if (expected === undefined || expected === value[key]) score += 2;
  }
  return score;
}

/** The key that tells the branches of a choice apart: each has a constant of its own for it, and none requires it. */
export function discriminator({ anyOf }: SchemaNode): string | undefined {
  return Object.keys(anyOf?.[0]?.properties ?? {}).find((key) =>
    anyOf!.every((branch) => ownProperty(branch, key)?.const !== undefined && !branch.required?.includes(key)),
  );
}

/** A choice settled by the constant of its {@link discriminator}; the first branch where the value does not have the key. */
function settleByName(schema: SchemaNode, key: string, value: unknown, choices: number[]): SchemaNode {
  const { anyOf = [], ...rest } = schema;
  const names = anyOf.map((branch) => ownProperty(branch, key)!.const);
  const named = isRecord(value) && Object.hasOwn(value, key);
  const index = named ? names.indexOf(value[key]) : 0;
  choices.push(index);
  // Of a name that there is not, nothing else can be judged.
  if (index < 0) return { ...rest, properties: { [key]: { enum: names } } };
  return { ...settle(anyOf[index]!, value, choices), ...rest };
}

/**
 * The schema with every choice (`anyOf`) settled by the value at that place, so that errors name what is wrong with what
 * was meant, and defaults of that choice apply. A choice that fits nothing stays as it is.
 *
 * @param choices receives which branch was taken, in order: two values with equal choices have equal settled schemas.
 *   Items of one form have one and the same schema.
 */
export function settle(schema: SchemaNode, value: unknown, choices: number[]): SchemaNode {
  if (schema.anyOf) {
    const key = discriminator(schema);
    if (key !== undefined) return settleByName(schema, key, value, choices);
    const scores = schema.anyOf.map((branch) => likeness(branch, value));
    const best = scores.indexOf(Math.max(...scores));
    choices.push(scores[best]! > 0 ? best : -1);
    if (scores[best] === 0) return schema;
    const { anyOf: _, ...rest } = schema;
    return { ...rest, ...settle(schema.anyOf[best]!, value, choices) };
  }
  if (isRecord(value) && schema.properties) {
    const properties = Object.entries(schema.properties).map(([name, child]) => {
      const given = Object.hasOwn(value, name) ? value[name] : child.default;
      return [name, settle(child, given, choices)] as const;
    });
    return { ...schema, properties: Object.fromEntries(properties) };
  }
  if (Array.isArray(value) && value.length > 0 && schema.items && !Array.isArray(schema.items)) {
    const item = schema.items as SchemaNode;
    const settled = value.map((element) => {
      const own: number[] = [];
      return { item: settle(item, element, own), own };
    });
    const [first] = settled;
    // Items of one form share a schema: one for each would be slow to compile.
    if (settled.every(({ own }) => own.join() === first!.own.join())) {
      choices.push(0, ...first!.own);
      return { ...schema, items: first!.item };
    }
    choices.push(value.length, ...settled.flatMap(({ own }) => own));
    const forms = new Map(settled.map(({ own, item: one }) => [own.join(), one]));
    return { ...schema, items: settled.map(({ own }) => forms.get(own.join())!) };
  }
  return schema;
}

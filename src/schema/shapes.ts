/** A JSON Schema array of exactly three items (x, y, z), typed as a tuple by json-schema-to-ts. */
export function triple<const Item>(item: Item) {
  return { type: 'array', items: [item, item, item], minItems: 3, maxItems: 3, additionalItems: false } as const;
}

/** A JSON Schema array of exactly two items, typed as a tuple by json-schema-to-ts. */
export function pair<const Item>(item: Item) {
  return { type: 'array', items: [item, item], minItems: 2, maxItems: 2, additionalItems: false } as const;
}

/** A JSON Schema array of exactly four items (one a Swin stage), typed as a tuple by json-schema-to-ts. */
export function quadruple<const Item>(item: Item) {
  return { type: 'array', items: [item, item, item, item], minItems: 4, maxItems: 4, additionalItems: false } as const;
}

/** Marks a string as a path: relative ones are taken from the config file's folder, `~` is the home folder. */
export const pathString = { type: 'string', minLength: 1, format: 'path' } as const;
/** The same for a pattern of files; the folder that a relative one is taken from is no part of the pattern. */
export const pathPattern = { type: 'string', minLength: 1, format: 'path-pattern' } as const;

export const positive = { type: 'number', exclusiveMinimum: 0 } as const;
export const count = { type: 'integer', minimum: 1 } as const;
export const probability = { type: 'number', minimum: 0, maximum: 1 } as const;

/** A config with a section whose `name` fits a schema. @param written not where section or name are left out */
export const namedCondition = <Name extends object>(section: string, name: Name, written: boolean) => ({
  properties: { [section]: { properties: { name }, ...(written && { required: ['name'] }) } },
  ...(written && { required: [section] }),
});

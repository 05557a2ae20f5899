import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { describe, expect, test } from 'vitest';
import { publishedSchema } from '../../../src/config/schema/publish';
import { itemSchema, type SchemaNode } from '../../../src/schema/tree';
import { configSchema } from '../../../src/config';

function everyProperty(schema: SchemaNode, path = ''): { path: string; required: boolean; schema: SchemaNode }[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => [
    { path: `${path}/${name}`, required: schema.required?.includes(name) ?? false, schema: child },
    ...everyProperty(child, `${path}/${name}`),
  ]);
  const item = itemSchema(schema, 0);
  const branches = [...(schema.anyOf ?? []), ...(item ? [item] : [])];
  return [...own, ...branches.flatMap((branch) => everyProperty(branch, path))];
}

// Left out, these are taken from another key.
const WITHOUT_DEFAULT = [
  '/data/train/name',
  '/data/train/folds',
  '/data/train/baseDir',
  '/data/train/channel',
  '/data/train/masks',
  '/data/train/labelled',
  '/data/train/regionMasks',
  '/data/train/regionMasks/anonymization',
  '/data/train/regionMasks/anatomy',
  '/data/validation/name',
  '/data/validation/folds',
  '/data/validation/baseDir',
  '/data/validation/channel',
  '/data/validation/masks',
  '/data/validation/labelled',
  '/data/validation/regionMasks',
  '/data/validation/regionMasks/anonymization',
  '/data/validation/regionMasks/anatomy',
  // Left out where values are right as they are stored, which is the usual.
  '/data/preprocess/intensity/rescale',
  '/data/preprocess/intensity/offset',
  '/data/preprocess/intensity/unwrap',
  '/data/preprocess/intensity/check',
];

describe('the config schema', () => {
  test('media/voco.schema.json is up to date (npm run build:schema)', () => {
    const committed = readFileSync(join(import.meta.dirname, '../../../media/voco.schema.json'), 'utf8');
    expect(committed).toBe(publishedSchema());
  });

  test.each(everyProperty(configSchema()))('$path has a description, examples and a default', (property) => {
    const { schema, path, required } = property;
    expect(schema.description).toMatch(/\.$/);
    expect(schema.examples?.length).toBeGreaterThan(0);
    if (schema.deprecated) expect(schema).not.toHaveProperty('default');
    else if (!required && !WITHOUT_DEFAULT.includes(path)) expect(schema).toHaveProperty('default');
    const { $schema: _, ...body } = schema;
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(body);
    for (const value of [...schema.examples!, ...('default' in schema ? [schema.default] : [])]) {
      expect(validate(value), JSON.stringify(value)).toBe(true);
    }
  });
});

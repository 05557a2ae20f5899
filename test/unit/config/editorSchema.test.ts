import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { editorSchema } from '../../../src/config/editorSchema';

const media = join(import.meta.dirname, '../../../media');
const read = (name: string): unknown => JSON.parse(readFileSync(join(media, name), 'utf8'));

describe('the schema for the JSON editor', () => {
  it('is up to date (npm run build:schema)', () => {
    expect(read('voco.editor.schema.json')).toEqual(editorSchema(read('voco.schema.json')));
  });

  it('offers the values of enums and booleans without judging them', () => {
    expect(editorSchema({ enum: ['a', 'b'], description: 'A letter.', default: 'a' })).toEqual({
      examples: ['a', 'b'],
      default: 'a',
      description: 'A letter.',
      markdownDescription: 'A letter.\n\nDefault: `"a"`',
    });
    expect(editorSchema({ type: 'boolean' })).toEqual({ examples: [true, false] });
  });

  it('keeps a property that is called like a keyword', () => {
    const schema = {
      type: 'object',
      required: ['type'],
      properties: { type: { type: 'string', minLength: 1 }, enum: {} },
    };
    expect(editorSchema(schema)).toEqual({ type: 'object', properties: { type: {}, enum: {} } });
  });
});

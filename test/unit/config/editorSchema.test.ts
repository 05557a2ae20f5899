import Ajv from 'ajv';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { editorSchema } from '../../../src/config/editorSchema';
import { pretextDescriptors } from '../../../src/pretext/descriptors';
import { networkDescriptors } from '../../../src/nets/descriptors';

const media = join(import.meta.dirname, '../../../media');
const read = (name: string): unknown => JSON.parse(readFileSync(join(media, name), 'utf8'));

const ajv = new Ajv({ strict: false });

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly allOf?: readonly { readonly if: object; readonly then?: Node; readonly else?: Node }[];
  readonly examples?: readonly unknown[];
}

/** What an editor offers at a place of a config: the examples of all schemas that apply there. */
function offeredAt(nodes: readonly Node[], value: unknown, [key, ...rest]: readonly string[]): unknown[] {
  const here = [...nodes];
  // Conditions may hold others.
  for (const node of here)
    for (const { if: condition, then, else: otherwise } of node.allOf ?? [])
      here.push((ajv.validate(condition, value ?? {}) ? then : otherwise) ?? {});
  if (key === undefined) return here.flatMap(({ examples = [] }) => examples);
  const below = here.flatMap(({ properties }) => properties?.[key] ?? []);
  return offeredAt(below, (value as Record<string, unknown> | undefined)?.[key], rest);
}

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

  const published = read('voco.editor.schema.json') as Node;
  const offered = (config: object, ...path: string[]) => offeredAt([published], config, path);

  it.each(pretextDescriptors.all)('offers networks that can learn $name, and for each network such tasks', (task) => {
    const method = { name: task.name };
    const can = (name: string): boolean => task.refuses?.(networkDescriptors.get(name)) === undefined;
    const config = { kind: 'pretrain', method, network: {} };
    expect(offered(config, 'network', 'name')).toEqual(networkDescriptors.names.filter(can));
    const whole = offered({ kind: 'pretrain', method }, 'network') as { name: string }[];
    expect(whole.map(({ name }) => name)).toEqual(networkDescriptors.names.filter(can));
    for (const name of networkDescriptors.names) {
      const tasks = offered({ kind: 'pretrain', network: { name }, method: {} }, 'method', 'name');
      expect(tasks.includes(task.name)).toBe(can(name));
    }
  });

  it('offers every network where no task is named, and for a fine-tuning', () => {
    expect(offered({ kind: 'pretrain' }, 'network', 'name')).toEqual(networkDescriptors.names);
    expect(offered({ kind: 'finetune' }, 'network', 'name')).toEqual(networkDescriptors.names);
    expect(offered({}, 'method', 'name')).toEqual(pretextDescriptors.names);
  });

  it('offers the keys of a kind of config to that kind alone', () => {
    expect(offered({ kind: 'finetune' }, 'method', 'name')).toEqual([]);
    expect(offered({ kind: 'finetune' }, 'schedule', 'phases', 'name')).toContain('sawtooth');
    expect(offered({ kind: 'pretrain' }, 'schedule', 'phases', 'name')).toEqual([]);
    const phases = { name: 'sawtooth' };
    expect(offered({ kind: 'finetune', schedule: { phases } }, 'schedule', 'phases', 'decoderRate')).toEqual([1, 0.01]);
    expect(offered({ kind: 'finetune' }, 'schedule', 'phases', 'decoderRate')).toEqual([]);
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configSchema, diagnose, loadConfig } from '../../../src/config';
import { editorSchema } from '../../../src/config/editorSchema';
import { networkDescriptors } from '../../../src/nets/descriptors';
import { schemasAt, settle, type SchemaNode } from '../../../src/schema';
import { listOf } from '../../../src/text';
import { temporaryFolder } from '../runs/support';

const minimal = { kind: 'pretrain', data: { train: [{ folder: 'a' }] } };
const messages = (network: unknown): string[] =>
  diagnose(JSON.stringify({ ...minimal, network }), 'f').map(({ path, message }) => `${path}: ${message}`);

async function load(network: object | undefined, set: string[] = []) {
  const file = join(temporaryFolder(), 'a.voco.json');
  writeFileSync(file, JSON.stringify({ ...minimal, network }));
  const { config, warnings } = await loadConfig(file, { set, kind: 'pretrain' });
  return { network: config.network, warnings: warnings.filter((line) => line.includes('network')) };
}

const SWIN = { name: 'swin-unetr', featureSize: 48, useV2: true, depths: [2, 2, 2, 2], heads: [3, 6, 12, 24], inChannels: 1 }; // prettier-ignore

/** '"swin-unetr", … or "primus"' */
const choice = listOf(
  networkDescriptors.names.map((name) => `"${name}"`),
  'or',
);

describe('the section network is told by its name', () => {
  test('keys and defaults are those of the network named, of Swin-UNETR where none is', async () => {
    expect((await load(undefined)).network).toEqual(SWIN);
    expect((await load({ featureSize: 24 })).network).toEqual({ ...SWIN, featureSize: 24 });
    expect((await load({ name: 'unet3d' })).network).toEqual({ name: 'unet3d', featureSize: 48, inChannels: 1 });
  });

  test('a saved config of a 3D U-Net, which has the keys of Swin-UNETR filled in, loads as it is', async () => {
    const saved = { ...SWIN, name: 'unet3d', featureSize: 20 };
    expect(await load(saved)).toEqual({ network: saved, warnings: [] });
  });

  test('--set changes the network of a config of Swin-UNETR', async () => {
    const { network } = await load(SWIN, ['network.name=unet3d', 'network.featureSize=8']);
    expect(network).toMatchObject({ name: 'unet3d', featureSize: 8 });
    const { network: other } = await load({ name: 'unet3d' }, ['network.name=swin-unetr', 'network.depths[3]=4']);
    expect(other).toEqual({ ...SWIN, depths: [2, 2, 2, 4] });
  });

  test.each([
    [{ name: 'unet' }, `network.name: must be ${choice}, is "unet"; did you mean "unet3d"?`],
    [{ name: 'vit', patch: 8 }, `network.name: must be ${choice}, is "vit"`],
    [{ name: 3 }, `network.name: must be ${choice}, is 3`],
    [5, 'network: must be an object { … }, is 5'],
    [{ name: 'unet3d', featuresize: 8 }, 'network.featuresize: unknown key; did you mean "featureSize"?'],
    [{ name: 'unet3d', width: 8 }, 'network.width: unknown key; known keys here: name, featureSize, inChannels'],
    [{ name: 'unet3d', useV2: 3 }, 'network.useV2: must be true or false, is 3'],
    [{ depths: [2, 2] }, 'network.depths: must have 4 item(s), has 2'],
    [
      { name: 'resenc-unet', strides: [[2, 2, 2]] },
      'network.strides[0]: must be [1, 1, 1]: the first stage has the resolution of the input',
    ],
    [
      { name: 'resenc-unet', stages: 3, blocks: [1, 2, 3, 4] },
      'network.blocks: has 4 entries for the 3 stages of network.stages 3',
    ],
    [
      { name: 'resenc-unet', stages: 3, decoderConvs: [1, 2, 3] },
      'network.decoderConvs: has 3 entries for the 2 steps of the decoder of network.stages 3',
    ],
    [{ name: 'resenc-unet', kernels: [[3, 3, 2]] }, 'network.kernels[0][2]: must be odd, is 2'],
    [{ name: 'resenc-unet', features: [] }, 'network.features: must have at least 1 item(s), has 0'],
    [{ name: 'resenc-unet', features: 32 }, 'network.features: must be a list [ … ], is 32'],
    [{ featureSize: 50 }, 'network.featureSize: must be a multiple of 12 for swin-unetr, is 50'],
  ])('%j', (network, message) => {
    expect(messages(network)).toContain(message);
  });
});

test('every descriptor has the name of its line in the registry', () => {
  for (const name of networkDescriptors.names) {
    const { schema, ...descriptor } = networkDescriptors.get(name);
    expect([descriptor.name, schema.properties.name.const, schema.properties.name.default]).toEqual([name, name, name]);
    expect([schema.title, schema.additionalProperties]).toEqual([descriptor.title, false]);
  }
});

describe('the JSON editor', () => {
  const kinds = (editorSchema(configSchema()) as { allOf: { if: SchemaNode; then: SchemaNode }[] }).allOf;
  const [pretrain] = kinds.filter(({ if: { properties } }) => properties!.kind!.pattern === '^pretrain$');
  const { properties, allOf } = pretrain!.then.properties!.network! as SchemaNode & {
    allOf: { if: SchemaNode; then: SchemaNode }[];
  };

  test('says what each network is', () => {
    expect(properties!.name!.description).toContain("unet3d: 3D U-Net, the paper's second backbone.");
  });

  test('offers the keys of the network that is named, those of the first where none is, and none that are deprecated', () => {
    const [first, ...others] = networkDescriptors.names;
    expect(allOf.map((branch) => branch.if)).toEqual([
      { properties: { name: { type: 'string', pattern: `^${first}$` } } },
      ...others.map((name) => ({
        properties: { name: { type: 'string', pattern: `^${name}$` } },
        required: ['name'],
      })),
    ]);
    expect(allOf.slice(0, 2).map((branch) => Object.keys(branch.then.properties!))).toEqual([
      ['featureSize', 'useV2', 'depths', 'heads', 'inChannels'],
      ['featureSize', 'inChannels'],
    ]);
  });
});

describe('settle', () => {
  const branch = (name: string, key: string): SchemaNode => ({
    type: 'object',
    properties: { name: { const: name, default: name }, [key]: { default: 1 } },
  });
  const either: SchemaNode = { description: 'Either.', anyOf: [branch('a', 'x'), branch('b', 'y')] };

  test.each([
    [{ name: 'b' }, ['name', 'y'], [1]],
    [{}, ['name', 'x'], [0]],
    [{ y: 1 }, ['name', 'x'], [0]],
    [{ name: 'c', z: 1 }, ['name'], [-1]],
  ])('%j', (value, keys, taken) => {
    const choices: number[] = [];
    const { description, properties } = settle(either, value, choices);
    expect([description, Object.keys(properties!), choices]).toEqual(['Either.', keys, taken]);
  });

  test('a path leads into every branch', () => {
    expect(schemasAt({ properties: { one: either } }, ['one', 'name']).map((node) => node.const)).toEqual(['a', 'b']);
  });
});

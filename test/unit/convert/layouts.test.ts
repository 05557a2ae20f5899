// The layouts of the files that the authors of VoCo, MONAI and trainings with their code release, in small.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createEncoder, createSegmenter, type NetworkConfig } from '../../../src/nets';
import { withWeights } from '../../../src/runs/import';
import { importFile } from '../../../src/convert/importFile';
import { torchZip } from '../../support/torchZip';
import { temporaryFolder } from '../runs/support';

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

const only = { seed: 0, describeOnly: true };
const network = (featureSize: number, useV2 = true): NetworkConfig => ({ name: 'swin-unetr', featureSize, useV2 });
const encoderOf = (featureSize: number): Named[] => createEncoder(network(featureSize), only).parameters.layout;
const segmenterOf = (featureSize: number): Named[] => createSegmenter(network(featureSize), 21, only).parameters.layout;
const under = (prefix: string, list: readonly Named[]): Named[] =>
  list.map(({ name, shape }) => ({ name: prefix + name, shape }));

/** Heads as the released code names them; their sizes are of no account here. */
const projector = (side: string): Named[] =>
  ['layer1.0.weight', 'layer2.0.weight', 'layer3.weight'].map((name) => ({ name: `${side}.${name}`, shape: [2, 2] }));

const text = (value: string): string => `X${String.fromCharCode(value.length, 0, 0, 0)}${value}`;
const integer = (value: number): string => {
  const bytes = [0, 8, 16, 24].map((shift) => (value >> shift) & 255);
  return `J${String.fromCharCode(...bytes)}`;
};
const tuple = (values: readonly number[]): string => `(${values.map(integer).join('')}t`;

/** A tensor of any shape whose every element is the first of the file's only storage. */
function pickled({ name, shape }: Named): string {
  const storage = `(${text('storage')}ctorch\nFloatStorage\n${text('0')}${text('cpu')}K\x02tQ`;
  const args = `(${storage}K\x00${tuple(shape)}${tuple(shape.map(() => 0))}\x89}t`;
  return `${text(name)}ctorch._utils\n_rebuild_tensor_v2\n${args}R`;
}

const state = (list: readonly Named[]): string => `}(${list.map(pickled).join('')}u`;
/** What trainings save around the weights: the step, and the optimizer as an object of its class. */
const training = (weights: string, optimizer = true): string =>
  `}(${text('global_step')}K\x64${text('state_dict')}${weights}` +
  `${optimizer ? `${text('optimizer')}ctorch.optim.adamw\nAdamW\n)\x81` : ''}u`;

function written(name: string, pickle: string): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, torchZip(`${pickle}.`));
  return file;
}

/** The config of a pre-training, or of a fine-tuning with the 20 classes of VoComni. */
function configFor(kind: 'pretrain' | 'finetune', useV2 = true): string {
  const classes = Array.from({ length: 20 }, (_, i) => ({ name: `class ${i + 1}`, values: [i + 1] }));
  const task = kind === 'finetune' ? { task: { name: 'custom', classes } } : {};
  const file = join(temporaryFolder(), 'a.voco.json');
  const config = { kind, data: { train: [{ folder: '.' }] }, network: network(12, useV2), ...task };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const imported = (file: string, configFile: string, branch?: 'student' | 'teacher') =>
  importFile({ file, out: join(temporaryFolder(), 'out.safetensors'), configFile, ...(branch && { branch }) });

describe('layouts of released files', () => {
  test('VoCo_B_SSL_head.pt: the bare encoder', async () => {
    const encoder = encoderOf(12);
    const { report, lines } = await imported(written('VoCo_B_SSL_head.pt', state(encoder)), configFor('pretrain'));
    expect(report).toMatchObject({ wrapper: '', branch: null, tensors: encoder.length, others: [], skipped: [] });
    expect(report.changes).toEqual([]);
    expect(report.fit).toMatchObject({ missing: [], unexpected: [], shapeMismatch: [] });
    expect(report.fit!.matched).toHaveLength(encoder.length);
    expect(lines.join('\n')).toContain(`${encoder.length} of ${encoder.length} tensors match`);
  });

  test('a segmentation network takes its encoder from it and starts its decoder anew', async () => {
    const file = written('VoCo_B_SSL_head.pt', state(encoderOf(12)));
    const { report } = await imported(file, configFor('finetune'));
    expect(report.fit).toMatchObject({ unexpected: [], shapeMismatch: [] });
    expect(report.fit!.missing.every((name) => /^(decoder[1-5]|out)\./.test(name))).toBe(true);
    expect(report.fit!.modules).toMatchObject({ out: { matched: 0, total: 2 }, encoder1: { matched: 3, total: 3 } });
  });

  test.each(['', 'state_dict'])('VoComni_B.pt: the whole network, wrapped in "%s"', async (wrapper) => {
    const whole = segmenterOf(12);
    const pickle = wrapper ? `}(${text(wrapper)}${state(whole)}u` : state(whole);
    const { report } = await imported(written('VoComni_B.pt', pickle), configFor('finetune'));
    expect(report).toMatchObject({ wrapper, tensors: whole.length });
    expect(report.fit).toMatchObject({ missing: [], unexpected: [], shapeMismatch: [] });
  });

  test.each([
    ['B', 48],
    ['L', 96],
  ])('VoComni_%s and VoCo_%s_SSL_head have the shapes of feature size %i', async (_letter, featureSize) => {
    for (const list of [encoderOf(featureSize), segmenterOf(featureSize)]) {
      await withWeights(written('a.pt', state(list)), undefined, ({ tensors }) => {
        expect(tensors.map(({ name, shape }) => ({ name, shape: [...shape] }))).toEqual(
          list.map(({ name, shape }) => ({ name, shape: [...shape] })),
        );
        return Promise.resolve();
      });
    }
  });

  test('VoCo_10k.pt: as distributed training saves it, with the old name of the transformer', async () => {
    const encoder = encoderOf(12);
    const old = under('module.', encoder).map(({ name, shape }) => ({
      ...{ name: name.replace('swinViT', 'swin_vit'), shape },
    }));
    const { report } = await imported(written('VoCo_10k.pt', state(old)), configFor('pretrain'));
    expect(report.changes.map(({ text: what }) => what)).toEqual([
      'prefix "module." removed',
      '"swin_vit" renamed to "swinViT"',
    ]);
    expect(report.fit).toMatchObject({ missing: [], unexpected: [], shapeMismatch: [] });
  });

  test('MONAI’s model_swinvit.pt: the transformer alone, without v2 blocks', async () => {
    const own = createEncoder(network(12, false), only).parameters.layout;
    const transformer = own.filter(({ name }) => name.startsWith('swinViT.'));
    const theirs = transformer.map(({ name, shape }) => ({
      ...{ name: name.replace('swinViT.', 'module.').replace('.mlp.linear', '.mlp.fc'), shape },
    }));
    const file = written('model_swinvit.pt', `}(${text('state_dict')}${state(theirs)}u`);
    const { report } = await imported(file, configFor('pretrain', false));
    expect(report).toMatchObject({ wrapper: 'state_dict', tensors: transformer.length });
    expect(report.fit!.matched).toEqual(transformer.map(({ name }) => name));
    expect(report.fit!.missing.every((name) => name.startsWith('encoder'))).toBe(true);
    expect(report.fit).toMatchObject({ unexpected: [], shapeMismatch: [] });
  });
});

describe('layouts of training outputs', () => {
  test.each(['student', 'teacher'] as const)('of the CVPR code: its %s', async (branch) => {
    const encoder = encoderOf(12);
    const sides = ['student', 'teacher'].flatMap((side) => [
      ...under(`module.${side}.`, encoder),
      ...projector(`module.${side}.proj_head`),
    ]);
    const file = written('model_current_epoch.pt', training(state(sides)));
    const { report, lines } = await imported(file, configFor('pretrain'), branch);
    expect(report).toMatchObject({ wrapper: 'state_dict', branch, tensors: encoder.length + 3 });
    expect(report.others).toHaveLength(encoder.length + 3);
    expect(report.refused).toEqual([{ name: 'torch.optim.adamw.AdamW', where: 'optimizer' }]);
    expect(report.fit).toMatchObject({ missing: [], shapeMismatch: [] });
    expect(report.fit!.unexpected.every((name) => name.startsWith('proj_head.'))).toBe(true);
    expect(lines.join('\n')).toContain(`the ${branch}`);
  });

  test.each(['', 'module.'])(
    'of the TPAMI code, with the prefix "%s": the backbone and two projectors',
    async (prefix) => {
      const encoder = encoderOf(12);
      const list = [...under('backbone.', encoder), ...projector('student'), ...projector('teacher')];
      const file = written('model.pt', training(state(under(prefix, list)), false));
      const { report } = await imported(file, configFor('pretrain'));
      expect(report).toMatchObject({ wrapper: 'state_dict', branch: 'student' });
      expect(report.fit).toMatchObject({ missing: [], shapeMismatch: [] });
      expect(report.fit!.unexpected.every((name) => /^(student|teacher)\.layer/.test(name))).toBe(true);
    },
  );
});

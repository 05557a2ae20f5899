// Released checkpoints of other projects, made here with the keys and shapes that their code writes: the files themselves cannot be
// had where these tests run.
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { exportNnssl } from '../../src/convert/exportNnssl';
import { importFile } from '../../src/convert/importFile';
import { readWeights } from '../../src/convert/read';
import { createEncoder, createSegmenter, type NetworkConfig } from '../../src/nets';
import { describedSection } from '../../src/nets/descriptors';
import { openWeights, type SourceTensor } from '../../src/runs/import';
import { useBackend } from '../support/backends';
import {
  counted,
  nnsslPlan,
  saveTorch,
  stateOf,
  TorchStateDict,
  type NamedShape,
  type TorchValue,
} from '../support/torchCheckpoint';
import { temporaryFolder } from '../unit/runs/support';

beforeAll(() => useBackend('cpu'));

const only = { seed: 0, describeOnly: true };
const layoutOf = (section: NetworkConfig, outputs = 1): readonly NamedShape[] =>
  createSegmenter(section, outputs, only).parameters.layout;
const encoderOf = (section: NetworkConfig): readonly NamedShape[] => createEncoder(section, only).parameters.layout;
const under = (prefix: string, list: readonly NamedShape[]): NamedShape[] =>
  list.map(({ name, shape }) => ({ name: prefix + name, shape }));

async function saved(value: TorchValue, name = 'checkpoint_final.pth'): Promise<string> {
  const file = join(temporaryFolder(), name);
  await saveTorch(file, value);
  return file;
}
const imported = (file: string) => importFile({ file, out: join(dirname(file), 'out.safetensors') });

const resenc: NetworkConfig = { name: 'resenc-unet', stages: 3, features: [4, 8], blocks: [1, 2], inChannels: 1 };
const architecture_plans = {
  arch_class_name: 'ResidualEncoderUNet',
  arch_kwargs: null,
  arch_kwargs_requiring_import: null,
};

/** All keys of nnU-Net's network; `other` gives the tensor of a second name where it is not that of the first. */
function keysOf(
  layout: readonly NamedShape[],
  other?: (key: string, at: number) => SourceTensor | undefined,
): TorchStateDict {
  const { aliases } = describedSection(resenc).descriptor.stateDict;
  const tensors = new Map(layout.map((one, at) => [one.name, counted(one, at)]));
  const keys = aliases!.keysOf(layout.map(({ name }) => name));
  return new TorchStateDict(
    keys.map(({ key, name }, at) => ({ name: key, tensor: other?.(key, at) ?? tensors.get(name)! })),
  );
}

async function numbers(file: string): Promise<Map<string, number[]>> {
  const { entries } = await readWeights(file);
  return new Map(entries.map(({ name, data }) => [name, [...data]]));
}

describe('nnssl', () => {
  const layout = layoutOf(resenc);

  test('every tensor of a residual encoder U-Net is there once', async () => {
    const { report, lines } = await imported(
      await saved({ network_weights: keysOf(layout), nnssl_adaptation_plan: nnsslPlan() }),
    );
    expect(report.architecture).toMatch(/^resenc-unet: stages 3, features \[4,8\]/);
    expect([...(await numbers(report.out)).keys()].sort()).toEqual(layout.map(({ name }) => name).sort());
    expect(report.shared).toBe(0);
    expect(lines.join('\n')).toContain('second names of tensors that are there already, left out');
    expect(lines.join('\n')).not.toContain('may differ');
  });

  test('of SparK’s files the trained names count, and the network is not taken out of the larger one around it', async () => {
    const shapes = new Map(layout.map(({ name, shape }) => [name, shape]));
    const { aliases } = describedSection(resenc).descriptor.stateDict;
    // The encoder's all_modules hold what was trained; conv and norm what the training began with.
    const made = new Map<string, SourceTensor>();
    const weights = keysOf(layout, (key, at) => {
      const bare = key.replace(/^decoder\.(?=encoder\.)/, '');
      if (!bare.startsWith('encoder.')) return undefined;
      const shape = shapes.get(aliases!.nameOf(bare))!;
      const tensor = made.get(bare) ?? counted({ name: bare, shape }, bare.includes('all_modules') ? 1000 + at : -at);
      made.set(bare, tensor);
      return tensor;
    });
    const around = new TorchStateDict([
      ...weights.entries.map(({ name, tensor }) => ({ name: `architecture.${name}`, tensor })),
      ...stateOf([{ name: 'mask_tokens.0', shape: [1, 4, 1, 1, 1] }, { name: 'densify_projs.1.weight', shape: [8, 8, 3, 3, 3] }]).entries,
    ]); // prettier-ignore
    const file = await saved({ network_weights: weights, spark_weights: around, trainer_name: 'SparkMAETrainer_BS8' });
    const { report, lines } = await imported(file);
    expect(report.wrapper).toBe('network_weights');
    const found = await numbers(report.out);
    const encoder = layout.filter(({ name }) => name.startsWith('encoder.'));
    expect(encoder.every(({ name }) => found.get(name)![0]! >= 1000 || name.includes('skip'))).toBe(true);
    expect(lines.join('\n')).toMatch(
      /tensors are stored under several names, and may differ: the last name counts.*SparK/,
    );
    expect(lines.join('\n')).toMatch(/beside the weights, not taken: .*spark_weights/);
  });

  test.each<[string, NamedShape[], NamedShape[]]>([
    ['VoCo', under('', encoderOf(resenc)), under('projector.', [{ name: 'layer1.0.weight', shape: [8, 16] }])],
    ['several GPUs', under('module.', layout), []],
  ])('of %s', async (_what, own, heads) => {
    const file = await saved({ network_weights: stateOf([...own, ...heads]), nnssl_adaptation_plan: nnsslPlan() });
    const { report } = await imported(file);
    expect(report.architecture).toMatch(/^resenc-unet: /);
    const names = [...(await numbers(report.out)).keys()];
    expect(names).toEqual(expect.arrayContaining(own.map(({ name }) => name.replace('module.', ''))));
    expect(names).toHaveLength(own.length + heads.length);
  });

  test.each([[[0, 1, 2]], [[2, 0, 1]]])('a checkpoint comes back as it was: axes %j', async (axes) => {
    const weights = keysOf(layout);
    const plan = nnsslPlan({ architecture_plans, plan: { transpose_forward: axes } });
    const { report } = await imported(await saved({ network_weights: weights, nnssl_adaptation_plan: plan }));
    const out = join(temporaryFolder(), 'checkpoint_final.pth');
    const again = await exportNnssl({ file: report.out, out });
    expect(again).toMatchObject({ architecture: 'ResidualEncoderUNet', keys: weights.entries.length, notes: [] });
    const source = await openWeights(out);
    const theirs = new Map(source.tensors.map((tensor) => [tensor.name, tensor]));
    for (const { name, tensor } of weights.entries)
      expect(Buffer.from(await theirs.get(`network_weights.${name}`)!.read()).equals(await tensor.read()), name).toBe(
        true,
      );
    expect(source.field!.json).toEqual(plan);
    await source.close();
  });

  test('what is no network of theirs is not exported for them', async () => {
    const { report } = await imported(await saved(stateOf(layoutOf({ name: 'unet3d', featureSize: 4 })), 'a.pt'));
    const out = join(temporaryFolder(), 'b.pth');
    await expect(exportNnssl({ file: report.out, out })).rejects.toThrow(/it has no config, which nnssl’s plan needs/);
  });
});

describe('Primus of nnssl', () => {
  const primus: NetworkConfig = { name: 'primus', size: 'S', crop: [16, 16, 16] };
  const plan = nnsslPlan({
    architecture_plans: { arch_class_name: 'PrimusS', arch_kwargs: null, arch_kwargs_requiring_import: null },
    configuration: { patch_size: [16, 16, 16] },
    ...{
      key_to_encoder: 'eva',
      key_to_stem: 'down_projection',
      keys_to_in_proj: ['down_projection.proj'],
      key_to_lpe: 'eva.pos_embed',
    },
  });

  test.each(['', 'encoder.'])('with names below "%s", and back', async (prefix) => {
    const layout = layoutOf(primus);
    const file = await saved({ network_weights: stateOf(under(prefix, layout)), nnssl_adaptation_plan: plan });
    const { report, lines } = await imported(file);
    expect(report.architecture).toMatch(/^primus: size "S"/);
    expect(lines.join('\n')).toMatch(
      /axes of kernels and positions brought to x, y, z \(those of its arrays are z, y, x\)/,
    );
    const out = join(temporaryFolder(), 'checkpoint_final.pth');
    expect(await exportNnssl({ file: report.out, out })).toMatchObject({
      architecture: 'PrimusS',
      keys: layout.length,
    });
    const [before, after] = [await openWeights(file), await openWeights(out)];
    const theirs = new Map(after.tensors.map((tensor) => [tensor.name, tensor]));
    for (const tensor of before.tensors) {
      const name = tensor.name.replace(`network_weights.${prefix}`, 'network_weights.');
      expect(Buffer.from(await theirs.get(name)!.read()).equals(await tensor.read()), name).toBe(true);
    }
    await before.close();
    await after.close();
  });

  test('of no published size, whose heads nobody knows, is an error', async () => {
    const layout = layoutOf({ name: 'primus', size: null, embedDim: 36, depth: 1, heads: 2, crop: [16, 16, 16] });
    const file = await saved({ network_weights: stateOf(layout), nnssl_adaptation_plan: plan });
    await expect(imported(file)).rejects.toThrow(
      /a Primus of 36 channels is of no published size.*name a config with network.heads/,
    );
  });
});

describe('other projects', () => {
  const suprem: NetworkConfig = { name: 'segresnet', variant: 'suprem', initFilters: 16 };
  const ctFm: NetworkConfig = { name: 'segresnet', variant: 'ct-fm', initFilters: 8, blocksDown: [1, 2, 2, 4, 4] };
  const swin: NetworkConfig = { name: 'swin-unetr', featureSize: 12, useV2: false, inChannels: 2 };
  const transformer = encoderOf(swin).filter(({ name }) => name.startsWith('swinViT.'));
  const bare = encoderOf(ctFm).map(({ name, shape }) => ({ name: name.replace(/^encoder\./, ''), shape }));
  const heads = [{ name: 'rotation_head.weight', shape: [4, 96] }, { name: 'conv.0.weight', shape: [48, 96, 3, 3, 3] }]; // prettier-ignore

  test.each<[string, TorchValue, readonly NamedShape[], RegExp]>([
    ['SuPreM', { net: stateOf(under('module.', layoutOf(suprem, 32))), optimizer: {}, epoch: 800 }, layoutOf(suprem, 32), /segresnet: variant "suprem", initFilters 16/],
    ['SuPreM in a backbone', { net: stateOf(under('module.backbone.', layoutOf(suprem, 25))) }, layoutOf(suprem, 25), /variant "suprem"/],
    ['CT-FM’s encoder', stateOf(under('encoder.', bare)), encoderOf(ctFm), /segresnet: variant "ct-fm"/],
    ['CT-FM’s encoder as a module saves it', stateOf(bare), encoderOf(ctFm), /variant "ct-fm"/],
    ['CT-FM’s pre-training', { state_dict: stateOf(under('backbone.', bare)) }, encoderOf(ctFm), /variant "ct-fm"/],
    ['CT-FM’s segmentation', stateOf(layoutOf(ctFm, 117)), layoutOf(ctFm, 117), /variant "ct-fm".*blocksUp/],
    ['BrainSegFounder', { epoch: 40, state_dict: stateOf(under('module.', [...transformer, ...heads])), optimizer: {} }, transformer, /swin-unetr: featureSize 12, useV2 false/],
    ['MONAI’s model_swinvit', { state_dict: stateOf(under('module.', transformer.map(({ name, shape }) => ({ name: name.replace('swinViT.', '').replace('.mlp.linear', '.mlp.fc'), shape })))) }, transformer, /swin-unetr: featureSize 12, useV2 false/],
    ['a VoCo SSL head', stateOf(encoderOf({ name: 'swin-unetr', featureSize: 12 })), encoderOf({ name: 'swin-unetr', featureSize: 12 }), /useV2 true/],
    ['VoComni', { state_dict: stateOf(layoutOf({ name: 'swin-unetr', featureSize: 12 }, 21)) }, layoutOf({ name: 'swin-unetr', featureSize: 12 }, 21), /useV2 true/],
  ])('%s is told by its names, and every tensor is found', async (_what, value, layout, architecture) => {
    const { report } = await imported(await saved(value, 'weights.pt'));
    expect(report.architecture).toMatch(architecture);
    const { entries } = await readWeights(report.out);
    const found = new Map(entries.map(({ name, shape }) => [name, shape.join()]));
    expect(layout.filter(({ name, shape }) => found.get(name) !== shape.join())).toEqual([]);
  }); // prettier-ignore

  test.each<[string, TorchValue, object]>([
    ['CT-FM', stateOf(under('encoder.', [{ name: 'conv_init.weight', shape: [32, 1, 3, 3, 3] }, ...[1, 2, 2, 4, 4].flatMap((count, level) => Array.from({ length: count }, (_, block) => ({ name: `layers.${level}.blocks.${block}.norm1.running_mean`, shape: [32 * 2 ** level] })))])), { orientation: 'SPL', intensity: { kind: 'window', low: -1024, high: 2048 } }],
    ['SuPreM', { net: stateOf(under('module.', layoutOf(suprem, 32))) }, { intensity: { kind: 'window', low: -175, high: 250 } }],
  ])('how images of %s were prepared is known', async (what, value, preprocess) => {
    const { report, lines } = await imported(await saved(value, 'weights.pt'));
    expect(report.prepare!.preprocess).toMatchObject(preprocess);
    expect(lines.join('\n')).toMatch(new RegExp(`of the code of ${what}.*whose weights these look like: the file does not say it`));
  }); // prettier-ignore

  test('a file that only has the network of a release is not taken for it', async () => {
    const { report } = await imported(await saved(stateOf(layoutOf(suprem, 3)), 'weights.pt'));
    expect(report.prepare).toBeUndefined();
  });
});

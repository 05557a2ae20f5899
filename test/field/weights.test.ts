// Weights as people have them: saved by trainings of all kinds, of networks of others, and files that are no weights at all.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkWeights, initializeFrom } from '../../src/convert/initialize';
import { importFile } from '../../src/convert/importFile';
import { readWeights } from '../../src/convert/read';
import { chooseWeights } from '../../src/runs/import/choose';
import { exportWeights } from '../../src/runs/export';
import { compareCheckpoints } from '../../src/compare';
import { createSegmenter, type NetworkConfig } from '../../src/nets';
import { readSafetensorsHeader, writeSafetensors } from '../../src/runs';
import { describeCheckpoint, tensorStatistics } from '../../src/runs/describeCheckpoint';
import { openSegmenter } from '../../src/segment/segmenter';
import { presetConfig } from '../../src/config';
import { Bare, Instance, state, torchFile, under, type Named, type Saved } from '../support/torchState';
import { useBackend } from '../support/backends';
import { latin, zip } from '../support/torchZip';
import { temporaryFolder } from '../unit/runs/support';

beforeAll(() => useBackend('cpu'));

const layoutOf = (section: object): Named[] =>
  createSegmenter({ name: 'swin-unetr', featureSize: 12, ...section } as NetworkConfig, 3, {
    seed: 0,
    describeOnly: true,
  }).parameters.layout;
const own = layoutOf({});
const all = own.length;

function written(content: Saved | Uint8Array, name = 'weights.pt'): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content instanceof Uint8Array ? content : torchFile(content));
  return file;
}

function configFor(section: object = {}): string {
  const file = join(temporaryFolder(), 'a.voco.json');
  const network = { name: 'swin-unetr', featureSize: 12, ...section };
  const classes = [1, 2].map((value) => ({ name: `class ${value}`, values: [value] }));
  writeFileSync(
    file,
    JSON.stringify({
      kind: 'finetune',
      data: { train: [{ folder: '.' }] },
      network,
      task: { name: 'custom', classes },
    }),
  );
  return file;
}

type Branch = 'student' | 'teacher' | 'ema';
const out = (): string => join(temporaryFolder(), 'out.safetensors');
const imported = (file: string, branch?: Branch, section?: object) =>
  importFile({ file, out: out(), configFile: configFor(section), ...(branch && { branch }) });
const reported = (file: string) => importFile({ file, out: out() });

describe('weights are found wherever a training has put them', () => {
  const optimizer = { state: { 0: state(under('exp_avg_', own.slice(0, 5))) }, param_groups: [{ lr: 1 }] };
  test.each<[string, Saved, string, string]>([
    ['a best_acc tensor beside state_dict', { ...{ epoch: 3, state_dict: state(own) }, scores: state([{ name: 'best_acc', shape: [] }]) }, 'state_dict', ''],
    ['Lightning', { state_dict: state(under('model.backbone.', own)), optimizer_states: [optimizer], hyper_parameters: new Instance('argparse.Namespace') }, 'state_dict', 'model.backbone.'],
    ['nested three times', { run: { last: { weights: state(under('network.', own)) } } }, 'run.last.weights', 'network.'],
    ['a list', [state(under('module.', own)), 7], '0', 'module.'],
    ['a name that nobody has thought of', { zeug: state(under('inner.x_1.', own)) }, 'zeug', 'inner.x_1.'],
    ['a dict by module', { net: { 'swinViT': state(own.filter(({ name }) => name.startsWith('swinViT.')).map(({ name, shape }) => ({ name: name.slice(8), shape }))), rest: state([{ name: 'x', shape: [2] }]) } }, 'net', ''],
  ])('%s', async (_what, saved, wrapper, prefix) => {
    const { report } = await imported(written(saved));
    expect(report.wrapper).toBe(wrapper);
    expect(report.fit!.matched.length).toBeGreaterThanOrEqual(own.filter(({ name }) => name.startsWith('swinViT.')).length);
    if (prefix !== '') expect(report.changes[0]!.text).toBe(`prefix "${prefix}" removed`);
    expect(report.fit!.shapeMismatch).toEqual([]);
  }); // prettier-ignore

  test('parts that wrap modules are taken out of the middle of names', async () => {
    const wrapped = own.map(({ name, shape }) => ({
      name: name.replace(/^(\w+)\./, '_orig_mod.$1._fsdp_wrapped_module.module.'),
      shape,
    }));
    const { report } = await imported(written(state(wrapped)));
    expect(report.fit!.matched).toHaveLength(all);
  });

  test('scalars and optimizer states are listed, not taken', async () => {
    const file = written(
      { epoch: 9, best_acc: 1, state_dict: state(own), optimizer, lr_scheduler: { last_epoch: 9 } },
      'c.pth.tar',
    );
    const { report, lines } = await imported(file);
    expect(report.beside).toEqual([
      { name: 'epoch', tensors: 0 },
      { name: 'best_acc', tensors: 0 },
      { name: 'lr_scheduler', tensors: 0 },
      { name: 'optimizer', tensors: 5 },
    ]);
    expect(lines.join('\n')).toContain(
      'beside the weights, not taken: epoch, best_acc, lr_scheduler, optimizer (5 tensors)',
    );
    expect(Object.keys(report.modules)).not.toContain('optimizer');
  });

  test('an optimizer that holds tensors of the network’s names is not taken for it', async () => {
    const file = written({ optimizer: { exp_avg: state(own) }, ema_model: state(own), model: state(own) });
    expect((await imported(file)).report).toMatchObject({ wrapper: 'model', branch: null });
  });
});

describe('several networks in one file', () => {
  const both: Saved = {
    a: state([
      ...under('teacher.backbone.', own),
      ...under('student.backbone.', own),
      { name: 'student.head.w', shape: [2] },
    ]),
  };

  test('the student is taken where both fit, and the others are told', async () => {
    const { report, lines } = await imported(written(both));
    expect(report).toMatchObject({
      branch: 'student',
      alternatives: [{ branch: 'teacher', prefix: 'a.teacher.backbone.' }],
    });
    expect(lines.join('\n')).toContain(
      'also in the file: teacher weights ("a.teacher.backbone"), taken with --branch teacher',
    );
    expect(report.others).toHaveLength(all);
  });

  test.each<[Branch, string, Saved]>([
    ['teacher', 'a', both],
    ['ema', 'state_dict_ema', { state_dict: state(own), state_dict_ema: state(own) }],
    ['ema', 'modelEma', { model: state(own), modelEma: state(own) }],
    ['teacher', 'x', { x: state([...under('encoder_q.', own), ...under('encoder_k.', own)]) }],
    ['teacher', 'target_network', { online_network: state(own), target_network: state(own) }],
  ])('the %s of %s is selected', async (branch, wrapper, saved) => {
    const { report, lines } = await imported(written(saved), branch);
    expect(report).toMatchObject({ branch, wrapper });
    expect(report.fit!.matched).toHaveLength(all);
    expect(lines[0]).toContain(branch === 'ema' ? 'the EMA' : `the ${branch}`);
  });

  test('a branch that is not there is an error that tells those that are', async () => {
    await expect(imported(written(both), 'ema')).rejects.toThrow(
      /has no EMA network; it has student \("a\.student\.backbone"\), teacher/,
    );
  });
});

describe('names of others are never made ours', () => {
  const vit: Named[] = [
    { name: 'cls_token', shape: [1, 1, 96] },
    { name: 'patch_embed.proj.weight', shape: [96, 1, 16, 16, 16] },
    { name: 'patch_embed.proj.bias', shape: [96] },
    ...[0, 1, 2].flatMap((i) => [
      { name: `blocks.${i}.attn.qkv.weight`, shape: [288, 96] },
      { name: `blocks.${i}.mlp.fc1.weight`, shape: [384, 96] },
    ]),
    { name: 'norm.weight', shape: [96] },
  ];
  const segresnet = [{ name: 'convInit.conv.weight', shape: [8, 1, 3, 3, 3] }, { name: 'down_layers.0.1.conv1.conv.weight', shape: [8, 8, 3, 3, 3] }]; // prettier-ignore
  const resenc = [32, 64, 128, 256, 320, 320].flatMap((width, stage) =>
    Array.from({ length: [1, 3, 4, 6, 6, 6][stage]! }, (_, block) => ({
      name: `encoder.stages.${stage}.blocks.${block}.conv1.conv.weight`,
      shape: [width, width, 3, 3, 3],
    })),
  );
  const plan = { architecture_plans: { arch_class_name: 'ResEncL' }, pretrain_plan: { dataset_name: 'Dataset745', configurations: { onemmiso: { patch_size: [160, 160, 160], spacing: [1, 1, 1] } } } }; // prettier-ignore
  const unetr = [{ name: 'vit.blocks.0.attn.qkv.weight', shape: [9, 3] }, { name: 'encoder2.transp_conv_init.conv.weight', shape: [3, 3, 2, 2, 2] }]; // prettier-ignore

  test.each<[string, Saved, RegExp]>([
    ['a ViT', { model: state(vit) }, /plain vision transformer \(ViT\) of timm \(3 blocks, 96 channels, patches of 16×16×16\)/],
    ['a SegResNet', { net: state(under('module.', segresnet)) }, /SegResNet of MONAI \(8 initial filters/],
    ['nnssl’s ResEnc-L with its plan', { network_weights: state(resenc), nnssl_adaptation_plan: plan }, /ResEnc.*sizes of ResEnc-M, -L and -XL.*plan of nnssl: ResEncL, Dataset745, configuration onemmiso, patch 160×160×160, spacing 1×1×1 mm/s],
    ['a UNETR', state(unetr), /UNETR of MONAI/],
    ['a 2D ResNet', state([{ name: 'layer1.0.conv1.weight', shape: [8, 8, 3, 3] }, { name: 'layer4.0.conv1.weight', shape: [8, 8, 3, 3] }]), /ResNet, for images in 2D/],
  ])('%s is named, kept as it is, and refused for a config', async (_what, saved, named) => {
    const file = written(saved);
    const { report, lines } = await reported(file);
    expect(lines.join('\n')).toMatch(named);
    const target = readFileSync(file);
    expect((await readSafetensorsHeader(report.out)).tensors.has('swinViT.patch_embed.proj.weight')).toBe(false);
    expect(target.equals(readFileSync(file))).toBe(true);
    await expect(imported(file)).rejects.toThrow(/0 of \d+ tensors of the network \(swin-unetr, feature size 12\) fit.*no network of voco/s);
  }); // prettier-ignore

  test.each<[string, object, object, RegExp]>([
    ['Swin v1', { useV2: false }, {}, /159 of 167 tensors .* set network\.useV2 to false \(now true\)/],
    ['feature size 24', { featureSize: 24 }, {}, /17 of 167 tensors .* set network\.featureSize to 24 \(now 12\)/],
    ['other depths', { depths: [2, 2, 6, 2] }, {}, /set network\.depths to \[2, 2, 6, 2\]/],
    ['a Swin for a U-Net', {}, { name: 'unet3d', featureSize: 8 }, /set network\.name to "swin-unetr"/],
  ])('%s is an error with the key to set, and nothing is written', async (_what, theirs, ours, message) => {
    const target = out();
    const request = { file: written(state(layoutOf(theirs))), out: target, configFile: configFor(ours) };
    await expect(importFile(request)).rejects.toThrow(message);
    expect(existsSync(target)).toBe(false);
  });

  test('2D weights of the same names are refused', async () => {
    const flat = own.map(({ name, shape }) => ({ name, shape: shape.length === 5 ? shape.slice(0, 4) : shape }));
    await expect(imported(written(state(flat)))).rejects.toThrow(/for images in 2D/);
  });

  test('other input and output channels are told and do no harm', async () => {
    const { report, lines } = await imported(written(state(layoutOf({ inChannels: 4 }))));
    expect(report.fit!.matched).toHaveLength(all - 3);
    expect(lines.join('\n')).toContain('the weights are for 4 input channels, network.inChannels is 1');
  });
});

describe('weights that start a network', () => {
  const small = { name: 'unet3d', featureSize: 2 } as const;
  const layout = createSegmenter(small, 3, { seed: 0, describeOnly: true }).parameters.layout;
  async function safetensors(tensors: readonly Named[]): Promise<string> {
    const file = join(temporaryFolder(), 'a.safetensors');
    const entries = tensors.map(({ name, shape }) => ({
      ...{ name, dtype: 'F32' as const, shape },
      data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(2),
    }));
    await writeSafetensors(file, entries);
    return file;
  }

  test('are found below any prefix, told by module, and leave the rest at random', async () => {
    const encoder = layout.filter(({ name }) => name.startsWith('encoder.'));
    const file = await safetensors([
      ...under('model.backbone.', encoder),
      { name: 'model.projector.weight', shape: [2] },
    ]);
    const { parameters } = createSegmenter(small, 3, { seed: 0 });
    const report = await initializeFrom(file, parameters, { branch: 'student', network: small });
    expect(report.modules).toMatchObject({ encoder: { loaded: 10, total: 10 }, out: { loaded: 0, total: 2 } });
    expect(report.unexpected).toEqual(['model.projector.weight']);
    const first = parameters.all.find(({ name }) => name === 'encoder.0.conv1.weight')!;
    expect([...(await first.variable.data())].every((value) => value === 2)).toBe(true);
  });

  test('of which little fits are refused unless init.partial asks for them', async () => {
    const file = await safetensors(layout.slice(0, 3));
    const options = { branch: 'student', network: small } as const;
    await expect(checkWeights(file, layout, options)).rejects.toThrow(
      /3 of 24 tensors of the network .* 3 of 10 of its encoder/,
    );
    const { parameters } = createSegmenter(small, 3, { seed: 0 });
    await expect(initializeFrom(file, parameters, options)).rejects.toThrow(/init\.partial takes what fits/);
    const report = await initializeFrom(file, parameters, { ...options, partial: true });
    expect(report.loaded).toHaveLength(3);
  });
});

describe('files', () => {
  test.each(['w.pt', 'w.pth', 'w.ckpt', 'w.bin', 'w.pth.tar', 'w'])('%s without checksums is read', async (name) => {
    const file = written(torchFile(state(own), { crc: false }), name);
    expect((await reported(file)).report.tensors).toBe(all);
    const described = await describeCheckpoint(file);
    expect(described.tensors).toHaveLength(all);
    expect((await tensorStatistics(file, 'swinViT.patch_embed.proj.weight')).mean).toBe(1);
  });

  test('a PyTorch file is named where a checkpoint is needed, with the command that converts it', async () => {
    const file = written(state(own), 'VoCo_B.pt');
    const command = /is a PyTorch file, .*: voco import \S+VoCo_B\.pt --out weights\.safetensors/;
    const { parameters } = createSegmenter({ name: 'unet3d', featureSize: 2 }, 3, { seed: 0 });
    await expect(initializeFrom(file, parameters, { branch: 'student' })).rejects.toThrow(command);
    await expect(openSegmenter(presetConfig('btcv') as never, file)).rejects.toThrow(command);
    await expect(exportWeights({ file, out: out(), format: 'safetensors' })).rejects.toThrow(command);
    await expect(readSafetensorsHeader(file)).rejects.toThrow(command);
    const { checkpoints } = await compareCheckpoints({ files: [file, written(state(own), 'b.ckpt')] }, () => undefined);
    expect(checkpoints[0]!.cannot.features).toMatch(/is a PyTorch file; convert it first: voco import/);
  });

  const npz = zip([{ name: 'w.npy', content: latin('\x93NUMPY') }]);
  const script = zip([
    { name: 'a/data.pkl', content: latin('\x80\x02}.') },
    { name: 'a/constants.pkl', content: latin('x') },
  ]);
  const bundle = zip([{ name: 'fold_0/checkpoint_final.pth', content: latin('x') }]);
  test.each<[string, Uint8Array | Saved, RegExp]>([
    ['a.h5', latin('\x89HDF\r\n\x1a\n'), /is an HDF5 file, as Keras/],
    ['a.onnx', latin('\x08\x08\x12\x07pytorch'), /is an ONNX model/],
    ['a.npz', npz, /is an \.npz file of NumPy arrays/],
    ['a.tflite', latin('\x1c\0\0\0TFL3'), /TensorFlow Lite/],
    ['script.pt', script, /is a TorchScript program .*torch\.jit\.load/],
    ['model.zip', bundle, /an archive with weights in it/],
    ['empty.pt', latin(''), /is empty/],
    ['zeros.pt', new Uint8Array(600), /nothing but zeros/],
    ['lfs.pt', latin('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'), /Git LFS pointer .* git lfs pull/],
    ['annex.pt', latin('/annex/objects/SHA256E-s1--00.pt\n'), /git-annex pointer/],
    ['drive.pt', latin('<!DOCTYPE html><title>Google Drive - Virus scan warning</title>'), /a web page; the download has failed/],
    ['hf.pt', latin('Invalid username or password.'), /error message of a failed download/],
    ['xml.pt', latin('<?xml version="1.0"?><Error>AccessDenied</Error>'), /XML/],
    ['ct.pt', latin('\x1f\x8b\x08\0'), /gzip archive/],
    ['model.pt', new Instance('monai.networks.nets.swin_unetr.SwinUNETR') as Saved, /object of monai\S+SwinUNETR, .* whole model .*model\.state_dict\(\)/],
    ['trained.pt', { model: new Instance('my.Net'), epoch: 3 }, /"model" in it is an object of my\.Net/],
    ['cut.pt', torchFile(state(own)).subarray(0, 3000), /cut short/],
  ])('%s is told for what it is', async (name, content, message) => {
    const file = written(content, name);
    await expect(reported(file)).rejects.toThrow(message);
  }); // prettier-ignore

  test('a folder is told for what it is', async () => {
    const folder = join(temporaryFolder(), 'sharded');
    mkdirSync(folder);
    writeFileSync(join(folder, '.metadata'), '');
    await expect(reported(folder)).rejects.toThrow(/is a directory.*sharded checkpoint.*dcp_to_torch_save/);
  });
});

describe('files with little in them', () => {
  test('are told for what they are', async () => {
    await expect(reported(written({}))).rejects.toThrow(/no state dict .*: it is empty/);
    await expect(imported(written({ optimizer: { state: { 0: state(own.slice(0, 2)) } } }))).rejects.toThrow(
      /has no weights in it/,
    );
    await expect(imported(written(state(own.slice(0, 2))))).rejects.toThrow(/has only these of the network's tensors/);
  });

  test('a ViT whose patches are rows has their side', async () => {
    const rows = [
      { name: 'patch_embedding.patch_embeddings.1.weight', shape: [96, 4096] },
      { name: 'patch_embedding.position_embeddings', shape: [1, 216, 96] },
      ...[0, 1].flatMap((i) =>
        ['attn.qkv.weight', 'attn.out_proj.weight', 'mlp.linear1.weight', 'norm1.weight'].map((name) => ({
          name: `blocks.${i}.${name}`,
          shape: [96, 96],
        })),
      ),
    ];
    expect((await reported(written(state(rows)))).lines.join()).toMatch(/2 blocks, 96 channels, patches of 16×16×16/);
  });

  test('numbers that are NaN start no network', async () => {
    const file = join(temporaryFolder(), 'nan.safetensors');
    const { parameters } = createSegmenter({ name: 'unet3d', featureSize: 2 }, 3, { seed: 0 });
    const tensors = parameters.layout.map(({ name, shape }) => ({
      name,
      shape,
      data: new Float32Array(shape.reduce((product, n) => product * n, 1)),
    }));
    tensors[0]!.data[0] = Number.NaN;
    await writeSafetensors(
      file,
      tensors.map((one) => ({ ...one, dtype: 'F32' as const })),
    );
    await expect(initializeFrom(file, parameters, { branch: 'student' })).rejects.toThrow(
      /nan\.safetensors: ".*" holds NaN or infinite numbers/,
    );
  });
});

describe('hostile files', () => {
  test('dicts nested without end, or in one another, neither hang nor fill the memory', async () => {
    const deep = Array.from({ length: 900 }).reduce<Saved>((inner) => ({ a: inner }), state(own.slice(0, 1)));
    await expect(reported(written(deep))).rejects.toThrow(/no state dict/);
    const wide = state(Array.from({ length: 3000 }, (_, i) => ({ name: `${'a.'.repeat(150)}${i}`, shape: [1] })));
    expect((await imported(written(wide)).catch((error: Error) => error.message)) as string).toMatch(
      /0 of 167 tensors/,
    );
  });

  test('an object beside the weights is not made, and told', async () => {
    const file = written({ state_dict: state(own), callback: new Instance('evil.Thing') });
    const { report } = await reported(file);
    expect(report.refused).toEqual([{ name: 'evil.Thing', where: 'callback' }]);
  });
});

describe('what a file of weights says of itself', () => {
  test.each([
    [['_orig_mod.'], 'prefix "_orig_mod." removed'],
    [['_orig_mod.', 'module.'], 'prefix "module." and "_orig_mod." removed'],
    [['_checkpoint_wrapped_module.'], 'prefix "_checkpoint_wrapped_module." removed'],
  ])('the wrapping %j is called so, for our networks and others', async (parts, text) => {
    const prefix = parts.join('');
    for (const tensors of [
      own,
      [
        { name: 'a.w', shape: [2] },
        { name: 'b.w', shape: [2] },
      ],
    ]) {
      const { report } = await reported(written(state(under(prefix, tensors))));
      expect(report.changes).toEqual([{ text, count: tensors.length }]);
    }
    const inside = own.map(({ name, shape }) => ({ name: name.replace('.', `.${prefix}`), shape }));
    const { report } = await reported(written(state(inside)));
    expect(report.changes[0]!.text).toMatch(/removed inside of names$/);
  });

  test('a list without names is called so, in a few lines', async () => {
    const file = written({ decay: 1, shadow_params: own.map(({ shape }) => new Bare(shape)) });
    const { lines } = await reported(file);
    expect(lines.join('\n')).toMatch(/what it is: a list of tensors without names.*copy them into the model/);
    expect(lines[1]).toMatch(/^ {2}0 1, 1 1, .*15 1, … and 151 more$/);
    await expect(imported(file)).rejects.toThrow(/the file is a list of tensors without names/);
  });

  test('NaN is told by the import, and refused by what would compute with it', async () => {
    const names = ['swinViT.a.weight', 'swinViT.b.weight'];
    const file = join(temporaryFolder(), 'nan.safetensors');
    await writeSafetensors(
      file,
      [
        { name: names[0]!, dtype: 'F32', shape: [3], data: Float32Array.of(1, NaN, Infinity) },
        { name: names[1]!, dtype: 'F16', shape: [2], data: Uint16Array.of(0x7e00, 0x3c00) },
        { name: 'half', dtype: 'BF16', shape: [2], data: Uint16Array.of(0x7f7f, 0x3f80) },
        { name: 'double', dtype: 'F64', shape: [1], data: Float64Array.of(2) },
      ],
      {},
    );
    const { report, lines } = await reported(file);
    expect(report.nonFinite).toEqual([
      { name: names[0], count: 2 },
      { name: names[1], count: 1 },
    ]);
    expect(lines.join('\n')).toContain(
      `warning: 3 numbers are NaN or infinite, in 2 tensors (${names.join(', ')}): the training had diverged`,
    );
    await expect(readWeights(file)).rejects.toThrow(/nan\.safetensors: "swinViT\.a\.weight" holds NaN or infinite/);
    const fine = written(state(own));
    expect((await reported(fine)).lines.join('\n')).not.toContain('NaN');
  });
});

test('a file of very many deep names is looked through once, not once for each part of its names', () => {
  const count = 20_000;
  const tensors = Array.from({ length: count }, (_, i) => ({ path: [`${'a.'.repeat(20)}w${i}`], shape: [1] }));
  const looked = (list: typeof tensors): { asked: number; best: string | undefined } => {
    let asked = 0;
    const target = {
      fit: (name: string) => (asked++, name.startsWith('net.') ? 'whole' : 'none'),
      renamings: [],
    } as const;
    const { best } = chooseWeights(list, target);
    return { asked, best: best?.prefix };
  };
  expect(looked(tensors)).toEqual({ asked: expect.any(Number) as number, best: undefined });
  expect(looked(tensors).asked).toBeLessThan(2 * count);
  // A network among them is still found.
  const network = Array.from({ length: 250 }, (_, i) => ({ path: ['model', `net.${i}.weight`], shape: [1] }));
  expect(looked([...tensors, ...network]).best).toBe('model.');
});

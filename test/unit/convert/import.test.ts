import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import { SafetensorsFile, toFloat32, writeSafetensors, type TensorEntry } from '../../../src/runs';
import { withWeights } from '../../../src/runs/import';
import { importFile } from '../../../src/convert/importFile';
import { dict, latin, storage, tensor, torchZip, zip, type Entry } from '../../support/torchZip';
import { temporaryFolder } from '../runs/support';
import { needs, pythonWith } from '../../support/needs';

const fixtures = join(import.meta.dirname, '../../support/torch');
const fixture = (name: string): string => join(fixtures, name);

/** Debian's, where it is: the Python of a version manager may have no PyTorch. */
const torch = pythonWith('torch');

interface Expected {
  dtype: string;
  shape: number[];
  values: number[];
}
const expected = JSON.parse(readFileSync(fixture('values.json'), 'utf8')) as Record<string, Expected>;

async function imported(file: string): Promise<Record<string, Expected>> {
  const out = join(temporaryFolder(), 'out.safetensors');
  await importFile({ file, out });
  const opened = await SafetensorsFile.open(out);
  const result: Record<string, Expected> = {};
  for (const { name, dtype, shape } of opened.header.tensors.values()) {
    const data = await opened.read(name);
    const values =
      data instanceof Float64Array ? data : data instanceof BigInt64Array ? Array.from(data, Number) : undefined;
    result[name] = { dtype, shape: [...shape], values: Array.from(values ?? toFloat32(dtype, data)) };
  }
  await opened.close();
  return result;
}

function written(content: Uint8Array | string, name = 'a.pt'): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content);
  return file;
}

/** One line that names the file, and nothing written. */
async function expectRefused(file: string, message: RegExp): Promise<void> {
  const folder = temporaryFolder();
  const error: unknown = await importFile({ file, out: join(folder, 'out.safetensors') }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UserError);
  const text = (error as UserError).message;
  expect(text).toMatch(message);
  expect(text.startsWith(`${file}: `)).toBe(true);
  expect(text).not.toContain('\n');
  expect(readdirSync(folder)).toEqual([]);
}

describe('files that PyTorch has saved', () => {
  test.each(['zip.pt', 'legacy.pt', 'protocol4.pt'])('%s gives equal tensors of every element type', async (name) => {
    expect(await imported(fixture(name))).toEqual(expected);
  });

  needs(torch).test('so do those of the PyTorch that is installed here', async () => {
    const folder = temporaryFolder();
    const made = spawnSync(torch.python, [fixture('make.py'), folder], { encoding: 'utf8' });
    expect(made.status, made.stderr).toBe(0);
    const values = JSON.parse(readFileSync(join(folder, 'values.json'), 'utf8')) as Record<string, Expected>;
    for (const name of ['zip.pt', 'legacy.pt', 'protocol4.pt'])
      expect([name, await imported(join(folder, name))]).toEqual([name, values]);
  });

  test('safetensors whose header’s length begins like a pickle or a zip file is what it is', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'a.safetensors');
    const entry: TensorEntry = { name: 'w', dtype: 'F32', shape: [1], data: Float32Array.of(7) };
    const wanted = new Set([0x80, 0x180, 0x4b50]);
    await writeSafetensors(file, [entry], { pad: '' });
    const bare = readFileSync(file).readUInt32LE(0);
    for (const length of wanted) {
      await writeSafetensors(file, [entry], { pad: 'x'.repeat(length - bare) });
      expect(readFileSync(file).readUInt32LE(0)).toBe(length);
      expect(await imported(file)).toEqual({ w: { dtype: 'F32', shape: [1], values: [7] } });
    }
  });

  test('deflated entries as well', async () => {
    const plain = written(torchZip(dict()));
    const deflated = zip([
      { name: 'data.pkl', content: latin(`\x80\x02${dict()}`), deflate: true },
      { name: 'data/0', content: Uint8Array.from([0, 0, 128, 63, 0, 0, 0, 64]), deflate: true },
    ]);
    expect(await imported(written(deflated))).toEqual(await imported(plain));
    expect((await imported(plain)).w).toEqual({ dtype: 'F32', shape: [2], values: [1, 2] });
  });

  test('the report tells of the optimizer object that is not loaded', async () => {
    const { report, lines } = await importFile({
      file: fixture('zip.pt'),
      out: join(temporaryFolder(), 'o.safetensors'),
    });
    expect(report).toMatchObject({ wrapper: 'state_dict', format: 'PyTorch zip', tensors: 42, branch: null });
    expect(report.refused).toEqual([{ name: 'torch.optim.adamw.AdamW', where: 'optimizer' }]);
    expect(lines.join('\n')).toContain('refused, not loaded: torch.optim.adamw.AdamW in "optimizer"');
  });

  test.each(['student', 'teacher'] as const)('the %s of a pre-training', async (branch) => {
    const out = join(temporaryFolder(), 'o.safetensors');
    const { report } = await importFile({ file: fixture('pretraining.pt'), out, branch });
    expect(report).toMatchObject({ branch, tensors: 3 });
    expect(report.others).toHaveLength(3);
    const opened = await SafetensorsFile.open(out);
    const value = branch === 'student' ? 0 : 1;
    expect(await opened.read('swinViT.patch_embed.proj.weight')).toEqual(Float32Array.of(value, value));
    await opened.close();
  });

  test('an element type that safetensors lacks is left out by name', async () => {
    const { report } = await importFile({ file: fixture('complex.pt'), out: join(temporaryFolder(), 'o.safetensors') });
    expect(report.skipped).toEqual([{ name: 'z', reason: 'element type ComplexFloat' }]);
    expect(report.tensors).toBe(1);
  });

  test('a whole module is refused', () =>
    expectRefused(fixture('module.pt'), /object of torch\.nn\.modules\.container/));

  test('a branch that is not there is an error', async () => {
    const request = {
      file: fixture('zip.pt'),
      out: join(temporaryFolder(), 'o.safetensors'),
      branch: 'teacher' as const,
    };
    await expect(importFile(request)).rejects.toThrow(/has no teacher network/);
  });
});

describe('pickles that would do harm', () => {
  const command = 'U\x07touch x\x85R';
  test.each([
    ['posix', 'system'],
    ['os', 'system'],
    ['nt', 'system'],
    ['subprocess', 'Popen'],
    ['builtins', 'eval'],
    ['__builtin__', 'exec'],
    ['importlib', 'import_module'],
  ])('%s.%s anywhere ends the reading', async (module, name) => {
    const call = `c${module}\n${name}\n${command}`;
    const reason = new RegExp(`refused: its pickle names ${module}\\.${name}, .*nothing was run`);
    await expectRefused(written(torchZip(`${call}.`)), reason);
    await expectRefused(written(torchZip(dict(tensor(), `U\x01x${call}`))), reason);
    // Named through the stack (protocol 4), and by the oldest operation.
    const stacked = `U${String.fromCharCode(module.length)}${module}U${String.fromCharCode(name.length)}${name}\x93`;
    await expectRefused(written(torchZip(`${stacked}${command}.`)), reason);
    await expectRefused(written(torchZip(`(U\x01xi${module}\n${name}\n.`)), reason);
  });

  test('another function among the weights is refused by name', () =>
    expectRefused(written(torchZip(dict(`cevil.module\nrun\n${command}`, `U\x01v${tensor()}`))), /evil\.module\.run/));

  test('another function as the file itself is refused by name', () =>
    expectRefused(written(torchZip(`cevil.module\nrun\n${command}.`)), /object of evil\.module\.run/));

  test('in the legacy format too', () => {
    const bytes = readFileSync(fixture('legacy.pt'));
    const call = Buffer.concat([latin('\x80\x02cposix\nsystem\n'), latin(`${command}.`)]);
    return expectRefused(written(Buffer.concat([call, bytes])), /refused: its pickle names posix\.system/);
  });
});

describe('broken and hostile files', () => {
  const claim = (code: string, bytes: number[]): string => code + String.fromCharCode(...bytes);
  test.each([
    ['a text of 2 GB', claim('X', [255, 255, 255, 127]), /ends early/],
    ['bytes of 2^60', claim('\x8e', [0, 0, 0, 0, 0, 0, 0, 16]), /claims a length/],
    ['an integer of 2 GB', claim('\x8b', [255, 255, 255, 127]), /integer of/],
    ['an unknown operation', '\xff.', /unknown operation 0xff/],
    ['an empty stack', '.', /empty stack/],
    ['no end', '}', /ends early/],
    ['a memo that is not there', 'h\x09.', /refers to value 9/],
    ['a mark that is not there', 't.', /lacks a mark/],
    ['10 000 nested marks', `${'('.repeat(10_000)}.`, /nested more than/],
    ['an overlong line', `c${'x'.repeat(5000)}\ny\n.`, /overlong line/],
    ['a call of nothing', 'NNR.', /calls something that has no name/],
    ['the extension registry', '\x82\x01.', /extension registry/],
    ['a list within itself', ']q\x00h\x00a.', /no state dict/],
    ['a dict within itself', '}q\x00(U\x01ah\x00u.', /no state dict/],
    [
      'a storage of an unknown class',
      dict(tensor(undefined, undefined, storage('K\x02', 'OddStorage'))),
      /unknown class torch\.OddStorage/,
    ],
    [
      'a storage that is not in the file',
      dict(tensor(undefined, undefined, storage('K\x02', 'FloatStorage', '9'))),
      /storage "9" is not in it/,
    ],
    ['a storage that is shorter', dict(tensor(undefined, undefined, storage('K\x09'))), /has 8 bytes and claims 36/],
    ['a tensor beyond its storage', dict(tensor('K\x03\x85')), /outside its storage/],
    ['a tensor that begins beyond it', dict(tensor(undefined, undefined, undefined, 'K\x05')), /outside its storage/],
    [
      'a tensor of 4 TB from 8 bytes',
      dict(tensor('\x8a\x06\x00\x00\x00\x00\x00\x01\x85', 'K\x00\x85')),
      /made of only 8 B:/,
    ],
    ['a shape of another rank than its strides', dict(tensor('K\x02\x85', ')')), /without a valid storage/],
    ['a negative size', dict(tensor('J\xff\xff\xff\xff\x85')), /without a valid storage/],
    ['numbers only', '}(U\x01wK\x01u.', /no state dict .* it has "w"/],
  ])('%s', (_what, pickle, message) => expectRefused(written(torchZip(pickle)), message));

  test('a dict that holds itself many times over ends', async () => {
    const many = Array.from({ length: 200 }, (_, i) => `U\x03${String(100 + i)}h\x00`).join('');
    const file = written(torchZip(`}q\x00(U\x01w${tensor()}${many}u.`));
    const { report } = await importFile({ file, out: join(temporaryFolder(), 'o.safetensors') });
    expect(report.tensors).toBe(1);
    expect(report.skipped).toHaveLength(200);
  });

  test.each(['zip.pt', 'legacy.pt'])('%s cut anywhere', async (name) => {
    const bytes = readFileSync(fixture(name));
    for (let part = 1; part < 20; part++) {
      await expectRefused(
        written(bytes.subarray(0, Math.floor((bytes.length * part) / 20))),
        /cut short|only|ends early/,
      );
    }
  });

  test('a flipped bit in the numbers is noticed', async () => {
    const bytes = torchZip(dict());
    bytes[bytes.indexOf('archive/data/0') + 'archive/data/0'.length] ^= 1;
    await expectRefused(written(bytes), /archive\/data\/0 in it is damaged/);
  });

  test('zip bombs', async () => {
    const pickle = latin(`\x80\x02${dict()}`);
    const zeros = new Uint8Array(1 << 20);
    const bomb = (entry: Partial<Entry>): string =>
      written(zip([{ name: 'data.pkl', content: zeros, deflate: true, ...entry }]));
    await expectRefused(bomb({ claims: 0xfffffff0 }), /claim 4\.3 GB from 1\.1 KB/);
    await expectRefused(bomb({ claims: 100 }), /larger than the 100 bytes it claims/);
    await expectRefused(bomb({ claims: (1 << 20) + 5 }), /is cut short/);
    await expectRefused(bomb({ content: pickle, deflate: false, method: 99 }), /compression method 99/);
    const noise = zip([{ name: 'data.pkl', content: latin('\xff'.repeat(50)), method: 8 }]);
    await expectRefused(written(noise), /cannot be inflated/);
  });

  test('entries that overlap, or have one name', async () => {
    const entries = [1, 2].map((i): Entry => ({ name: `data/${i}`, content: new Uint8Array(64) }));
    const bytes = zip([{ name: 'data.pkl', content: latin(`\x80\x02${dict()}`) }, ...entries]);
    const last = bytes.lastIndexOf(latin('PK\x01\x02'));
    bytes.writeUInt32LE(bytes.readUInt32LE(last + 42) - 80, last + 42);
    await expectRefused(written(bytes), /overlaps another entry/);
    await expectRefused(written(zip([entries[0]!, entries[0]!])), /the same name/);
  });

  test.each([
    ['', /is empty/],
    ['hello world', /neither a file of torch\.save nor safetensors/],
    ['<!DOCTYPE html><html>', /a web page; the download has failed/],
    ['version https://git-lfs.github.com/spec/v1\n', /Git LFS pointer/],
    ['\x80\x02K\x01.', /a pickle, but not one of torch\.save/],
  ])('%j is no weights', (content, message) => expectRefused(written(latin(content)), message));

  test('a zip file of something else, a TorchScript program, a folder, nothing', async () => {
    await expectRefused(written(zip([{ name: 'x.txt', content: latin('x') }])), /without a data\.pkl/);
    await expectRefused(
      written(torchZip(dict(), [{ name: 'archive/constants.pkl', content: latin('x') }])),
      /TorchScript/,
    );
    await expectRefused(temporaryFolder(), /is a directory/);
    await expectRefused(join(temporaryFolder(), 'none.pt'), /no such file/);
  });
});

describe('names', () => {
  /** Tensors as of SwinUNETR's encoder of feature size 12: enough of them to be told from others. */
  const real: Record<string, number[]> = {
    'patch_embed.proj.weight': [12, 1, 2, 2, 2],
    'patch_embed.proj.bias': [12],
    ...Object.fromEntries(
      [1, 2, 3, 4].flatMap((stage) => [
        [`layers${stage}.0.blocks.0.attn.relative_position_bias_table`, [2197, 3 * 2 ** (stage - 1)]],
        [`layers${stage}.0.blocks.0.mlp.linear1.weight`, [48 * 2 ** (stage - 1), 12 * 2 ** (stage - 1)]],
      ]),
    ),
  };
  const transformer = Object.keys(real).map((name) => `swinViT.${name}`);
  const conv = 'encoder1.layer.conv1.conv.weight';
  const shapeOf = (name: string): number[] =>
    real[
      Object.keys(real).find((end) =>
        name.replace('.mlp.fc', '.mlp.linear').replace('.0.0.blocks', '.0.blocks').endsWith(end),
      )!
    ] ?? [2];

  async function map(names: readonly string[], branch?: 'student' | 'teacher') {
    const file = join(temporaryFolder(), 'a.safetensors');
    const tensors = names.map((name): TensorEntry => {
      const shape = shapeOf(name);
      return { name, dtype: 'I8', shape, data: new Int8Array(shape.reduce((a, b) => a * b, 1)) };
    });
    await writeSafetensors(file, tensors);
    return withWeights(file, branch, ({ tensors: found, report: { others } }) =>
      Promise.resolve({ names: found.map(({ name }) => name).sort(), others: [...others].sort() }),
    );
  }
  const under = (prefix: string, list: readonly string[]): string[] => list.map((name) => prefix + name);

  test.each([
    ['the released SSL_head files', [...transformer, conv], [...transformer, conv]],
    [
      'distributed training',
      under('module.', [...transformer, conv]).map((name) => name.replace('swinViT', 'swin_vit')),
      [...transformer, conv],
    ],
    ['compiled models', under('_orig_mod.', transformer), transformer],
    [
      'MONAI’s model_swinvit.pt',
      Object.keys(real).map((name) => `module.${name.replace('.mlp.linear', '.mlp.fc')}`),
      transformer,
    ],
    [
      'MONAI’s ssl_pretrained_weights.pth',
      Object.keys(real).map((name) => `encoder.${name.replace('.0.blocks', '.0.0.blocks')}`),
      transformer,
    ],
    [
      'the TPAMI code, whose heads keep their names',
      [...under('backbone.', transformer), 'student.layer1.w', 'teacher.layer1.w'],
      [...transformer, 'student.layer1.w', 'teacher.layer1.w'],
    ],
  ])('%s', async (_what, names, result) => {
    expect(await map(names)).toEqual({ names: [...result].sort(), others: [] });
  });

  test('student and teacher are told apart', async () => {
    const names = [
      ...under('student.', transformer),
      'student.proj_head.b',
      ...under('teacher.', transformer),
      'optimizer.m.x',
    ];
    expect(await map(names)).toEqual({
      names: [...transformer, 'proj_head.b'].sort(),
      others: ['optimizer.m.x', ...under('teacher.', transformer)].sort(),
    });
    expect((await map(names, 'teacher')).names).toEqual([...transformer].sort());
  });

  test('a renaming that would make two tensors one is not done', async () => {
    expect((await map(['module.a', 'a'])).names).toEqual(['a', 'module.a']);
  });
});

describe('--for a config', () => {
  const config = { kind: 'pretrain', data: { train: [{ folder: '.' }] }, network: { name: 'unet3d', featureSize: 4 } };

  async function layout(): Promise<{ name: string; shape: readonly number[] }[]> {
    const { createEncoder } = await import('../../../src/nets');
    return createEncoder({ name: 'unet3d', featureSize: 4 }, { seed: 0, describeOnly: true }).parameters.layout;
  }

  test('reports what matches, what does not, and what is missing', async () => {
    const entries = (await layout()).slice(1).map(({ name, shape }, i): TensorEntry => {
      const sizes = i === 0 ? [...shape, 1] : shape;
      const data = new Float32Array(sizes.reduce((a, b) => a * b, 1));
      return { name: `module.student.${name}`, dtype: 'F32', shape: sizes, data };
    });
    const file = join(temporaryFolder(), 'a.safetensors');
    const extra: TensorEntry = { name: 'module.student.extra', dtype: 'F32', shape: [1], data: Float32Array.of(0) };
    await writeSafetensors(file, [...entries, extra]);
    const configFile = written(JSON.stringify(config), 'a.voco.json');
    const out = join(temporaryFolder(), 'o.safetensors');
    const { report, lines } = await importFile({ file, out, configFile });
    const all = await layout();
    expect(report.fit!.matched).toEqual(all.slice(2).map(({ name }) => name));
    expect(report.fit!.missing).toEqual([all[0]!.name]);
    expect(report.fit!.shapeMismatch).toMatchObject([{ name: all[1]!.name, expected: all[1]!.shape }]);
    expect(report.fit!.unexpected).toEqual(['extra']);
    expect(lines.join('\n')).toContain(`${all.length - 2} of ${all.length} tensors match`);
  });

  test('none matched is an error, and nothing is written', async () => {
    const folder = temporaryFolder();
    const configFile = written(JSON.stringify(config), 'a.voco.json');
    const importing = importFile({ file: fixture('zip.pt'), out: join(folder, 'o.safetensors'), configFile });
    await expect(importing).rejects.toThrow(/0 of \d+ tensors of the network/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

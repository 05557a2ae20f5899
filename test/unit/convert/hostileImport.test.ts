/** Small files that would take minutes or gigabytes: each piece of them is harmless, their sum is not. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import { withWeights } from '../../../src/runs/import';
import { importFile } from '../../../src/convert/importFile';
import { dict, latin, storage, tensor, torchZip, zip, type Entry } from '../../support/torchZip';
import { temporaryFolder } from '../runs/support';

function written(content: Uint8Array, name = 'a.pt'): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content);
  return file;
}

async function refusal(file: string): Promise<string> {
  const folder = temporaryFolder();
  const error: unknown = await importFile({ file, out: join(folder, 'out.safetensors') }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UserError);
  expect(readdirSync(folder)).toEqual([]);
  const { message } = error as UserError;
  expect(message.startsWith(`${file}: `)).toBe(true);
  expect(message).not.toContain('\n');
  return message;
}

const bytes32 = (value: number): string =>
  String.fromCharCode(...[0, 8, 16, 24].map((shift) => (value >>> shift) & 255));
const put = (index: number): string => `r${bytes32(index)}`;
const get = (index: number): string => `j${bytes32(index)}`;
const text = (value: string): string => `X${bytes32(value.length)}${value}`;
const size = (...values: number[]): string => `(${values.map((value) => `J${bytes32(value)}`).join('')}t`;
/** `count` tensors by name, each made by `one`. */
const tensors = (count: number, one: (i: number) => string): string =>
  `}(${Array.from({ length: count }, (_, i) => `${text(`layer.${i}`)}${one(i)}`).join('')}u.`;

describe('pickles whose pieces are harmless and whose sum is not', () => {
  test.each([
    ['a global name of a megabyte, used again and again', () => {
      const name = `${text('m'.repeat(1 << 20))}${put(1)}0`;
      return `${name}${`${get(1)}${get(1)}\x930`.repeat(20_000)}N.`;
    }, /a name of 1048576 characters/],
    ['a dict of 60 000 pairs made 60 000 times', () => {
      const pairs = `](${'K\x01K\x02\x86'.repeat(60_000)}e${put(1)}0`;
      const make = `ccollections\nOrderedDict\n${put(2)}0${`${get(2)}${get(1)}\x85R0`.repeat(60_000)}`;
      return `${pairs}${make}N.`;
    }, /more than 8000000 values/],
    ['two million dicts', () => `${'}0'.repeat(2_000_000)}N.`, /more than 8000000 values/],
    ['a function that makes itself', () => `ctorch._tensor\n_rebuild_from_type_v2\n${put(1)}(${get(1)}N](${get(1)}N${get(2)}e${put(2)}NtR.`, /refers to value 2|no state dict/],
    ['arguments within themselves', () => `]${put(1)}(ctorch._tensor\n_rebuild_from_type_v2\nN${get(1)}Ne0ctorch._tensor\n_rebuild_from_type_v2\n${get(1)}R.`, /object of torch\._tensor/],
    ['a dict of itself, eight deep, as a plan of nnU-Net', () => {
      const levels = Array.from({ length: 9 }, (_, level) =>
        level === 0 ? `}${put(0)}0` : `}(${Array.from({ length: 100 }, (_, i) => `${text(`k${i}`)}${get(level - 1)}`).join('')}u${put(level)}0`,
      ).join('');
      return `${levels}}(${text('nnssl_adaptation_plan')}${get(8)}${text('w')}K\x01u.`;
    }, /no state dict/],
    ['a type that is a property of all objects', () => `}(U\x01wctorch._utils\n_rebuild_tensor_v3\n(${storage()}K\x00K\x02\x85K\x01\x85\x89}ctorch\nconstructor\ntRu.`, /no state dict/],
  ] as [string, () => string, RegExp][])('%s', async (_what, pickle, message) => {
    expect(await refusal(written(torchZip(pickle())))).toMatch(message);
  }); // prettier-ignore
});

describe('tensors that are far larger than their file', () => {
  const repeated = tensor(size(1 << 14, 1 << 14), size(0, 0));

  test('one, by strides of 0', async () =>
    expect(await refusal(written(torchZip(dict(repeated))))).toMatch(
      /would take 1\.1 GB and are made of only 8 B: "w"/,
    ));

  test('many that are small enough each', async () => {
    const small = tensor(size(1 << 13, 1 << 12), size(0, 0));
    const message = await refusal(written(torchZip(tensors(40, () => small))));
    expect(message).toMatch(/would take 5\.4 GB and are made of only 8 B/);
  });

  test('many that overlap in one storage', async () => {
    const bytes = 1 << 22;
    const whole = storage(`J${bytes32(bytes / 4)}`, 'FloatStorage', '1');
    const one = `ctorch._utils\n_rebuild_tensor_v2\n(${whole}K\x00${size(bytes / 4)}${size(1)}\x89}tR`;
    const more: Entry[] = [{ name: 'archive/data/1', content: new Uint8Array(bytes) }];
    const file = written(
      torchZip(
        tensors(200, () => one),
        more,
      ),
    );
    expect(await refusal(file)).toMatch(/would take 839 MB and are made of only 4\.2 MB/);
  });

  test('tied weights are no such thing', async () => {
    const file = written(torchZip(tensors(2, () => tensor())));
    const { report } = await importFile({ file, out: join(temporaryFolder(), 'o.safetensors') });
    expect(report.shared).toBe(1);
  });

  test('a look at them takes none of that room', async () => {
    const file = written(torchZip(dict(repeated)));
    expect(await withWeights(file, undefined, ({ report }) => Promise.resolve(report.parameters))).toBe(2 ** 28);
  });
});

describe('zip files that unpack to far more', () => {
  const pickle: Entry = { name: 'archive/data.pkl', content: latin(`\x80\x02${dict()}`) };

  test('entries that are harmless each', async () => {
    const zeros = new Uint8Array(1 << 24);
    const many = Array.from({ length: 24 }, (_, i): Entry => ({
      name: `archive/data/${i}`,
      content: zeros,
      deflate: true,
    }));
    expect(await refusal(written(zip([pickle, ...many])))).toMatch(/its entries claim 403 MB from \d+ KB: refused/);
  });

  test('storages in turn', async () => {
    const zeros = new Uint8Array(1 << 26);
    const entries = ['0', '1'].map((key): Entry => ({ name: `archive/data/${key}`, content: zeros, deflate: true }));
    const one = (key: string): string =>
      `ctorch._utils\n_rebuild_tensor_v2\n(${storage(`J${bytes32(1 << 24)}`, 'FloatStorage', key)}K\x00K\x01\x85K\x01\x85\x89}tR`;
    const content = latin(`\x80\x02${tensors(200, (i) => one(String(i % 2)))}`);
    const file = written(zip([{ name: 'archive/data.pkl', content }, ...entries]));
    expect(await refusal(file)).toMatch(/unpacked again and again/);
  });
});

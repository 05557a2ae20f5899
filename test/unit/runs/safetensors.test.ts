import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import {
  readSafetensorsHeader,
  SafetensorsFile,
  toFloat32,
  writeSafetensors,
  type TensorEntry,
} from '../../../src/runs';
import { temporaryFolder } from './support';
import { needs, pythonWith } from '../../support/needs';

const tensors: TensorEntry<ArrayBufferView>[] = [
  { name: 'bytes', dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 255) },
  { name: 'weights/é', dtype: 'F32', shape: [2, 2], data: Float32Array.of(1.5, -0, NaN, Infinity) },
  { name: 'half', dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0xfbff) },
  { name: 'brain', dtype: 'BF16', shape: [1], data: Uint16Array.of(0x4049) },
  { name: 'scalar', dtype: 'F64', shape: [], data: Float64Array.of(Math.PI) },
  { name: 'index', dtype: 'I64', shape: [2], data: BigInt64Array.of(-1n, 2n ** 60n) },
  { name: 'small', dtype: 'I8', shape: [1, 1], data: Int8Array.of(-7) },
  { name: 'empty', dtype: 'F32', shape: [0, 5], data: new Float32Array() },
  // A view into a larger buffer, as a pool's tensors are.
  { name: 'view', dtype: 'I32', shape: [2], data: Int32Array.of(9, 8, 7, 6).subarray(1, 3) },
];

/** Reads by the format's own description, with nothing of ours. */
const PYTHON_READER = `
import json, struct, sys
raw = open(sys.argv[1], 'rb').read()
n = struct.unpack('<Q', raw[:8])[0]
header = json.loads(raw[8:8 + n].decode('utf-8'))
assert n % 8 == 0 and raw[8:9] == b'{'
codes = {'F64': 'd', 'F32': 'f', 'F16': 'e', 'I64': 'q', 'I32': 'i', 'I8': 'b', 'U8': 'B', 'BF16': 'H'}
sizes = {'F64': 8, 'F32': 4, 'F16': 2, 'I64': 8, 'I32': 4, 'I8': 1, 'U8': 1, 'BF16': 2}
out, at = {'__metadata__': header.pop('__metadata__')}, 0
for name, entry in sorted(header.items(), key=lambda item: item[1]['data_offsets']):
    begin, end = entry['data_offsets']
    size = sizes[entry['dtype']]
    assert begin == at and (8 + n + begin) % size == 0, name
    at = end
    values = struct.unpack('<%d%s' % ((end - begin) // size, codes[entry['dtype']]), raw[8 + n + begin:8 + n + end])
    out[name] = {'shape': entry['shape'], 'values': [repr(v) for v in values]}
assert 8 + n + at == len(raw)
print(json.dumps(out))
`;

const python = pythonWith();

describe('safetensors', () => {
  test('what is written is read back, by name and by offset', async () => {
    const file = join(temporaryFolder(), 'a.safetensors');
    await writeSafetensors(file, tensors, { format: 'pt', note: 'ä "quoted"' });
    const opened = await SafetensorsFile.open(file);
    expect(opened.header.metadata).toEqual({ format: 'pt', note: 'ä "quoted"' });
    for (const { name, dtype, shape, data } of tensors) {
      const info = opened.header.tensors.get(name)!;
      expect([info.dtype, info.shape]).toEqual([dtype, shape]);
      expect(await opened.read(name)).toEqual(data);
    }
    await expect(opened.read('nothing')).rejects.toThrow(UserError);
    await opened.close();
  });

  needs(python).test('Python reads it by the description of the format', async () => {
    const file = join(temporaryFolder(), 'a.safetensors');
    await writeSafetensors(file, tensors, { format: 'pt' });
    const text = execFileSync(python.python, ['-c', PYTHON_READER, file], { encoding: 'utf8' });
    const read = JSON.parse(text) as Record<string, { shape: number[]; values: string[] }>;
    expect(read.__metadata__).toEqual({ format: 'pt' });
    expect(read['weights/é']).toEqual({ shape: [2, 2], values: ['1.5', '-0.0', 'nan', 'inf'] });
    expect(read.half!.values).toEqual(['1.0', '-65504.0']);
    expect(read.scalar).toEqual({ shape: [], values: ['3.141592653589793'] });
    expect(read.index!.values).toEqual(['-1', String(2n ** 60n)]);
    expect(read.view!.values).toEqual(['8', '7']);
    expect(read.empty).toEqual({ shape: [0, 5], values: [] });
  });

  test('data can come when it is needed, one tensor at a time', async () => {
    const file = join(temporaryFolder(), 'a.safetensors');
    let alive = 0;
    const lazy = [1, 2, 3].map((value): TensorEntry => {
      const data = async () => {
        expect(alive++).toBe(value - 1);
        return Promise.resolve(Float32Array.of(value));
      };
      return { name: `t${value}`, dtype: 'F32', shape: [1], data };
    });
    await writeSafetensors(file, lazy);
    const opened = await SafetensorsFile.open(file);
    expect(await opened.read('t3')).toEqual(Float32Array.of(3));
    await opened.close();
  });

  test('a failing write leaves the old file and nothing else', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'a.safetensors');
    await writeSafetensors(file, tensors);
    const before = readFileSync(file);
    const wrong: TensorEntry = { name: 'x', dtype: 'F32', shape: [3], data: new Float32Array(2) };
    await expect(writeSafetensors(file, [wrong])).rejects.toThrow('x: 8 bytes do not fill F32 [3]');
    const refuses: TensorEntry = { name: 'x', dtype: 'F32', shape: [1], data: () => Promise.reject(new Error('lost')) };
    await expect(writeSafetensors(file, [refuses])).rejects.toThrow('lost');
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(['a.safetensors']);
  });

  test('half and bfloat16 become float32', () => {
    const halves = Uint16Array.of(0x3c00, 0x0001, 0x8400, 0x7c00, 0xfc00, 0x7e00, 0x3555);
    const values = toFloat32('F16', halves);
    expect([...values.slice(0, 6)]).toEqual([1, 2 ** -24, -(2 ** -14), Infinity, -Infinity, NaN]);
    expect(values[6]).toBeCloseTo(1 / 3, 3);
    expect([...toFloat32('BF16', Uint16Array.of(0x3f80, 0xc049, 0x7f80))]).toEqual([1, -3.140625, Infinity]);
    expect([...toFloat32('I64', BigInt64Array.of(-3n))]).toEqual([-3]);
    expect(() => toFloat32('F8_E4M3', Uint8Array.of(1))).toThrow(UserError);
  });
});

function fileOf(header: unknown, dataBytes: number, claimed?: bigint): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return Buffer.concat([size, text, Buffer.alloc(dataBytes)]);
}

const tensor = (begin: number, end: number, more: object = {}) => ({
  dtype: 'F32',
  shape: [(end - begin) / 4],
  data_offsets: [begin, end],
  ...more,
});

describe('malformed files are refused in one line', () => {
  test.each<[string, Buffer, RegExp]>([
    ['empty', Buffer.alloc(0), /only 0 bytes/],
    ['huge header', fileOf({}, 0, 2n ** 63n), /header claims 9223372036854775808 bytes/],
    ['header beyond the end', fileOf({}, 4, 100n), /cut short within its header/],
    ['not JSON', fileOf('{"a":', 0), /not JSON/],
    ['list', fileOf('[]', 0), /not an object/],
    ['null', fileOf('null', 0), /not an object/],
    ['metadata', fileOf({ __metadata__: { a: 1 } }, 0), /metadata/],
    ['null metadata', fileOf({ __metadata__: null }, 0), /metadata/],
    ['null tensor', fileOf({ a: null }, 0), /tensor "a" has the unknown element type/],
    ['dtype', fileOf({ a: tensor(0, 4, { dtype: 'constructor' }) }, 4), /unknown element type "constructor"/],
    ['shape', fileOf({ a: tensor(0, 4, { shape: [-1, -1] }) }, 4), /no valid shape/],
    ['fractional shape', fileOf({ a: tensor(0, 4, { shape: [0.5, 2] }) }, 4), /no valid shape/],
    ['overflowing shape', fileOf({ a: tensor(0, 4, { shape: [2 ** 52, 2 ** 52] }) }, 4), /which is not F32/],
    ['offsets', fileOf({ a: tensor(0, 4, { data_offsets: [4, 0] }) }, 4), /which is not F32/],
    ['overlap', fileOf({ a: tensor(0, 8), b: tensor(4, 12) }, 12), /"b" overlaps another/],
    ['same place', fileOf({ a: tensor(0, 4), b: tensor(0, 4) }, 4), /overlaps another/],
    ['gap', fileOf({ a: tensor(4, 8) }, 8), /leaves a gap/],
    ['out of range', fileOf({ a: tensor(0, 400) }, 8), /cut short/],
    ['too long', fileOf({ a: tensor(0, 4) }, 9), /5 bytes after its last tensor/],
    [
      'same name twice',
      fileOf(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        2,
      ),
      /the key "a" stands twice/,
    ],
    ['the same name, written otherwise', fileOf('{"a":{},"\\u0061":{}}', 0), /the key "a" stands twice/],
    ['100 000 lists in each other', fileOf(`{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 0), /nested more than 4 deep/],
    ['numbers beyond all', fileOf('{"a":{"dtype":"U8","shape":[1e999],"data_offsets":[0,1]}}', 1), /no valid shape/],
    [
      'a prototype',
      fileOf('{"__proto__":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}', 1),
      /which is not U8 \[2\]/,
    ],
  ])('%s', async (_, content, message) => {
    const file = join(temporaryFolder(), 'bad.safetensors');
    writeFileSync(file, content);
    const failure: unknown = await readSafetensorsHeader(file).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).toContain(file);
    expect((failure as Error).message).not.toContain('\n');
  });

  test('a missing file', async () => {
    await expect(readSafetensorsHeader('/nowhere/a.safetensors')).rejects.toThrow(/no such file/);
  });

  test('a file cut at any byte, or with a byte changed in the header, is refused or read whole', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'a.safetensors');
    await writeSafetensors(file, tensors);
    const whole = readFileSync(file);
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(file, whole.subarray(0, length));
      await expect(readSafetensorsHeader(file)).rejects.toThrow(UserError);
    }
    for (let at = 0; at < 400; at += 3) {
      const changed = Buffer.from(whole);
      changed[at] = changed[at]! ^ 0x15;
      writeFileSync(file, changed);
      const result: unknown = await readSafetensorsHeader(file).catch((error: unknown) => error);
      if (result instanceof Error) expect(result).toBeInstanceOf(UserError);
    }
  });
});

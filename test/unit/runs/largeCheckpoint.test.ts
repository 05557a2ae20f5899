// Files of gigabytes that take no disk: what is not asked for is a hole in them.
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeCheckpoint, tensorStatistics } from '../../../src/runs/describeCheckpoint';
import { dict, latin, tensor } from '../../support/torchZip';
import { temporaryFolder } from './support';

const FLOATS = 1_200_000_000;
const LAST = Float32Array.of(1, 2, 3);

/** Writes `head`, a hole of 4.8 GB and three numbers. */
async function sparse(name: string, head: Uint8Array): Promise<string> {
  const file = join(temporaryFolder(), name);
  const handle = await open(file, 'w');
  await handle.write(head, 0, head.length, 0);
  await handle.write(new Uint8Array(LAST.buffer), 0, 12, head.length + 4 * FLOATS);
  await handle.close();
  return file;
}

/** Bytes that this process has read so far, from files and anything else; undefined where the system does not count them. */
async function bytesRead(): Promise<number | undefined> {
  const text = await readFile('/proc/self/io', 'utf8').catch(() => '');
  return Number(/^rchar: (\d+)/m.exec(text)?.[1] ?? NaN) || undefined;
}

/** Describes the file and one tensor of it: all but a few pages of it is neither read nor kept. */
async function look(file: string) {
  const before = process.memoryUsage().rss;
  const readBefore = await bytesRead();
  const description = await describeCheckpoint(file);
  const numbers = await tensorStatistics(file, 'last');
  if (readBefore !== undefined) expect((await bytesRead())! - readBefore).toBeLessThan(16e6);
  expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  expect(numbers).toMatchObject({ count: 3, minimum: 1, maximum: 3, mean: 2 });
  return description;
}

test('safetensors of 4.8 GB open at once', async () => {
  const header = {
    large: { dtype: 'F32', shape: [FLOATS], data_offsets: [0, 4 * FLOATS] },
    last: { dtype: 'F32', shape: [3], data_offsets: [4 * FLOATS, 4 * FLOATS + 12] },
  };
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = await sparse('a.safetensors', Buffer.concat([length, text]));
  const { tensors, bytes } = await look(file);
  expect(bytes).toBe((await stat(file)).size);
  expect(tensors.map(({ name, bytes: of }) => [name, of])).toEqual([['large', 4 * FLOATS], ['last', 12]]); // prettier-ignore
});

test('a PyTorch file of 4.8 GB opens at once', async () => {
  const integer = (value: number): string => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return `\x8a\x08${bytes.toString('latin1')}`;
  };
  const count = FLOATS + 3;
  // The format before PyTorch 1.6: four pickles, the names of the storages, then each storage's length and numbers.
  const storage = `(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu${integer(count)}NtQ`;
  const large = tensor(`(${integer(FLOATS)}t`, '(K\x01t', storage);
  const last = tensor('K\x03\x85', '(K\x01t', storage, integer(FLOATS));
  const named = `U\x04last${last}`;
  const pickles = ['\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.', 'M\xe9\x03.', '}.', dict(large, named), '](U\x010e.'];
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(count));
  const head = Buffer.concat([...pickles.map((pickle) => latin(`\x80\x02${pickle}`)), length]);
  const { tensors } = await look(await sparse('a.pt', head));
  expect(tensors.map(({ name, bytes }) => [name, bytes])).toEqual([['w', 4 * FLOATS], ['last', 12]]); // prettier-ignore
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EventWriter } from '../../../src/runs';
import { crc32c } from '../../../src/runs/tensorboard';
import { temporaryFolder } from './support';

/** CRC-32C bit by bit, from its definition. */
function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const masked = (bytes: Uint8Array) => {
  const crc = BigInt(slowCrc(bytes));
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
};

type Fields = Map<number, (bigint | Buffer)[]>;

/** Reads any protobuf message into its numbered fields. */
function protobuf(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number) => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const key = Number(varint());
    const type = key & 7;
    const value = type === 0 ? varint() : take(type === 1 ? 8 : type === 5 ? 4 : Number(varint()));
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  return fields;
}

function readEvents(file: string): Fields[] {
  const bytes = readFileSync(file);
  const events: Fields[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(masked(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(masked(data));
    events.push(protobuf(data));
    at += length + 16;
  }
  return events;
}

function scalars(event: Fields): Record<string, number> {
  const values = protobuf(event.get(5)![0] as Buffer).get(1)! as Buffer[];
  const pairs = values.map((value) => {
    const fields = protobuf(value);
    return [(fields.get(1)![0] as Buffer).toString(), (fields.get(2)![0] as Buffer).readFloatLE()] as const;
  });
  return Object.fromEntries(pairs);
}

test('CRC-32C of the standard check text', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

test('an independent reader finds the scalars, steps and times', async () => {
  const folder = temporaryFolder();
  const writer = await EventWriter.open(folder, { now: new Date(1_700_000_000_500) });
  await writer.scalars(1, { loss: 0.5, 'loss/ä': NaN }, new Date(1_700_000_001_250));
  await writer.scalars(2 ** 33, { lr: 1e-4 });
  await writer.close();
  const files = readdirSync(folder);
  expect(files).toHaveLength(1);
  expect(files[0]).toMatch(/^events\.out\.tfevents\.1700000000\./);
  const [version, first, second] = readEvents(join(folder, files[0]!));
  expect((version!.get(3)![0] as Buffer).toString()).toBe('brain.Event:2');
  expect((version!.get(1)![0] as Buffer).readDoubleLE()).toBe(1_700_000_000.5);
  expect(first!.get(2)).toEqual([1n]);
  expect((first!.get(1)![0] as Buffer).readDoubleLE()).toBe(1_700_000_001.25);
  expect(scalars(first!)).toEqual({ loss: 0.5, 'loss/ä': NaN });
  expect(second!.get(2)).toEqual([2n ** 33n]);
  expect(scalars(second!).lr).toBeCloseTo(1e-4, 10);
});

test('a resumed run writes a new file that makes TensorBoard drop later steps', async () => {
  const folder = temporaryFolder();
  const now = new Date(1_700_000_000_000);
  await (await EventWriter.open(folder, { now })).close();
  await (await EventWriter.open(folder, { now, resumeStep: 40 })).close();
  const files = readdirSync(folder).sort();
  expect(files).toHaveLength(2);
  const start = readEvents(join(folder, files[1]!))[1]!;
  expect(start.get(2)).toEqual([41n]);
  expect(protobuf(start.get(7)![0] as Buffer).get(1)).toEqual([1n]);
});

test('the file of a run that goes on after the clock was set back comes after the earlier one', async () => {
  const folder = temporaryFolder();
  await (await EventWriter.open(folder, { now: new Date(1_700_000_000_000) })).close();
  const [earlier] = readdirSync(folder);
  await (await EventWriter.open(folder, { now: new Date(1_600_000_000_000), resumeStep: 5 })).close();
  expect(readdirSync(folder).sort()[0]).toBe(earlier);
  expect(readdirSync(folder)).toHaveLength(2);
});

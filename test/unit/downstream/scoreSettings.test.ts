import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FinetuneConfig } from '../../../src/config';
import { settingsOf } from '../../../src/evaluate/settings';
import type { DeviceInfo } from '../../../src/tensor/backends';
import { needs, posix } from '../../support/needs';

const config = { inference: {}, crops: { size: [8, 8, 8] }, data: { preprocess: {} } } as unknown as FinetuneConfig;
const device = { name: 'cpu', precision: 'float32' } as DeviceInfo;

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'voco-settings-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

test('scores tell by which weights they were made', async () => {
  const file = join(folder, 'weights.safetensors');
  const bytes = Buffer.alloc(10_000_000, 'weights');
  await writeFile(file, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect((await settingsOf(config, file, ['a'], device)).weights).toEqual({ sha256, bytes: bytes.length });
});

test('weights that are not there are told', async () => {
  const missing = join(folder, 'missing.safetensors');
  await expect(settingsOf(config, missing, ['a'], device)).rejects.toThrow(`${missing}: cannot read the weights`);
});

needs(posix).test('weights that are no file on a disk are refused, and nothing waits for them', async () => {
  const pipe = join(folder, 'pipe.safetensors');
  execFileSync('mkfifo', [pipe]);
  await expect(settingsOf(config, pipe, ['a'], device)).rejects.toThrow(`${pipe}: is a pipe`);
});

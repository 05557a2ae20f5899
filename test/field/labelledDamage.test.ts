/** Labelled cases from a table, ten of them bad in ten ways: the check of data and a run that skips tell the same ten. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { taskOf } from '../../src/catalog';
import { checkConfig } from '../../src/check/dataset';
import { loadConfig } from '../../src/config';
import { RandomStream } from '../../src/random/random';
import { checkCases } from '../../src/train/preflight';
import { writeNifti, type Affine } from '../../src/volume';

const root = mkdtempSync(join(tmpdir(), 'voco-labelled-damage-'));
afterAll(() => rmSync(root, { recursive: true }));

const CASES = 30;
const SIZE = [12, 11, 10] as const;
const shape = [1, ...SIZE] as const;
const AFFINE: Affine = Float64Array.of(-2, 0, 0, 30, 0, 2, 0, -30, 0, 0, 2.5, 5, 0, 0, 0, 1);
const image = (i: number): string => `img/c${i}.nii.gz`;
const label = (i: number): string => `lab/c${i}.nii.gz`;
const at = (name: string): string => join(root, name);

const labels = Uint8Array.from({ length: 12 * 11 * 10 }, (_, n) => (n % 10 < 3 ? 1 : n % 10 < 6 ? 2 : 0));
function hounsfield(i: number): Int16Array {
  const random = new RandomStream(i);
  return Int16Array.from(labels, (value) => Math.round([-1000, 40, 90][value]! + random.range(-20, 20)));
}

const put = (name: string, data: Int16Array | Uint8Array, affine = AFFINE): Promise<void> =>
  writeNifti(at(name), { data, shape, affine });
function edit(name: string, change: (bytes: Buffer) => Buffer): void {
  writeFileSync(at(name), change(readFileSync(at(name))));
}
function editHeader(name: string, change: (bytes: Buffer) => unknown): void {
  const bytes = gunzipSync(readFileSync(at(name)));
  change(bytes);
  writeFileSync(at(name), gzipSync(bytes));
}

/** What befalls cases, by their numbers, and how it is told. */
const DAMAGE: readonly (readonly [number, (i: number) => unknown, RegExp])[] = [
  [2, (i) => edit(label(i), (b) => (b.writeUInt8(b[b.length - 6]! ^ 255, b.length - 6), b)), /gzip data is damaged/],
  [5, (i) => edit(image(i), (b) => b.subarray(0, b.length >> 1)), /truncated/],
  [7, (i) => put(label(i), labels, AFFINE.map((v, k) => (k === 3 ? v + 40 : v))), /lies up to 40 mm away/],
  [9, (i) => put(label(i), labels.map((v, n) => (n < 5 ? 7 : v))), /has the value 7 \(5 voxels\)/],
  [11, (i) => put(label(i), hounsfield(i)), /is an image, not a label map/],
  [13, (i) => rmSync(at(label(i))), /no such file/],
  [17, (i) => writeFileSync(at(image(i)), `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\n`), /Git LFS/],
  [19, (i) => put(image(i), hounsfield(i).map((v) => v + 1024)), /1024 too high/],
  [23, (i) => editHeader(image(i), (b) => b.fill(0, 280, 328).writeInt16LE(0, 252)), /singular or not finite/],
  [29, () => undefined, /no label is named/],
]; // prettier-ignore

const file = at('a.voco.json');
beforeAll(async () => {
  for (const folder of ['img', 'lab']) mkdirSync(at(folder));
  for (let i = 0; i < CASES; i++) {
    await put(image(i), hounsfield(i));
    await put(label(i), labels);
  }
  for (const [i, damage] of DAMAGE) await damage(i);
  const rows = Array.from({ length: CASES }, (_, i) => `${image(i)},${i === 29 ? '' : label(i)}`);
  writeFileSync(at('list.csv'), ['image,label', ...rows].join('\n'));
  const config = {
    kind: 'finetune',
    device: 'cpu',
    data: {
      train: [{ datalist: 'list.csv' }],
      validation: [],
      validationFraction: 0,
      onBadCase: 'skip',
      cache: { folder: 'cache' },
    },
    crops: { size: [32, 32, 32] },
    network: { name: 'unet3d', featureSize: 4 },
    task: { name: 'custom', classes: [1, 2].map((value) => ({ name: `class ${value}`, values: [value] })) },
  };
  writeFileSync(file, JSON.stringify(config));
});

it.each(['at first', 'from what is remembered'])('are told by both, %s', async () => {
  const { config } = await loadConfig(file);
  const { bad, volumes } = await checkConfig(config, file, { depth: 'voxels', downstream: [] });
  expect(volumes).toBe(CASES);
  expect(bad.map(({ item }) => item.id)).toEqual(DAMAGE.map(([i]) => `c${i}`));
  bad.forEach(({ findings }, k) =>
    expect(findings.filter(({ severity }) => severity === 'error')).toMatchObject([
      { message: expect.stringMatching(DAMAGE[k]![2]) as string },
    ]),
  );
  const task = await taskOf(config);
  const { skipped, usable } = await checkCases(config, await task.findCases(config), task.checks(config));
  expect(skipped.all.map(({ id }) => id)).toEqual(bad.map(({ item }) => item.id));
  expect(usable.train).toHaveLength(CASES - DAMAGE.length);
});

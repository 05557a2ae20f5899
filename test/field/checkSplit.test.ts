/** The check of data looks at the lists of a run: cases that `data.validationFraction` sets aside are held out there, too. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkConfig } from '../../src/check/dataset';
import { loadConfig } from '../../src/config';
import { RandomStream } from '../../src/random/random';
import { identityAffine, writeNifti } from '../../src/volume';

const root = mkdtempSync(join(tmpdir(), 'voco-split-'));
afterAll(() => rmSync(root, { recursive: true }));
const SIDE = 16;

/** Class 2 is in the first of four cases alone. */
beforeAll(async () => {
  for (const folder of ['imagesTr', 'labelsTr']) mkdirSync(join(root, folder));
  const shape = [1, SIDE, SIDE, SIDE] as const;
  for (const i of [0, 1, 2, 3]) {
    const random = new RandomStream(i);
    const at = Array.from({ length: SIDE ** 3 }, (_, n) => (n % SIDE < 4 ? 0 : n % SIDE < 8 && i === 0 ? 2 : 1));
    const image = Int16Array.from(at, (label) => Math.round(60 * label - 100 + random.range(-30, 30)));
    const affine = identityAffine();
    await writeNifti(join(root, `imagesTr/c${i}.nii.gz`), { data: image, shape, affine });
    await writeNifti(join(root, `labelsTr/c${i}.nii.gz`), { data: Uint8Array.from(at), shape, affine });
  }
});

async function checked(data: Record<string, unknown>, folder = root) {
  const file = join(root, 'split.voco.json');
  const config = {
    kind: 'finetune',
    device: 'cpu',
    data: { train: [{ folder }], validation: [], cache: { folder: 'cache' }, ...data },
    crops: { size: [32, 32, 32] },
    network: { name: 'unet3d', featureSize: 4 },
    task: { name: 'custom', classes: [1, 2].map((value) => ({ name: `class ${value}`, values: [value] })) },
  };
  writeFileSync(file, JSON.stringify(config));
  const { findings, volumes } = await checkConfig((await loadConfig(file)).config, file, {
    depth: 'voxels',
    downstream: [],
  });
  return { volumes, text: findings.map(({ message }) => message).join('\n') };
}

it('a class that is in one part alone is told of the other', async () => {
  const { volumes, text } = await checked({ validationFraction: 0.5 });
  expect(volumes).toBe(4);
  expect(text).toMatch(/2 (held-out|training) cases, have no voxel of class 2 \(2\)/);
  expect((await checked({ validationFraction: 0 })).text).not.toContain('have no voxel of');
});

it('cases that the run leaves out are looked at, but teach it no class', async () => {
  const { volumes } = await checked({ validationFraction: 0, cases: 1 });
  const other = await checked({ validationFraction: 0, cases: 1, train: [{ glob: 'imagesTr/c[123].nii.gz' }] });
  expect([volumes, other.volumes]).toEqual([4, 3]);
  expect(other.text).toMatch(/1 training case, have no voxel of class 2/);
});

it('a class that no case says to label is told, although its voxels are there', async () => {
  const list = join(root, 'list.json');
  const entry = (i: number, labelled?: string[]) => ({
    image: `imagesTr/c${i}.nii.gz`,
    label: `labelsTr/c${i}.nii.gz`,
    labelled,
  });
  const text = async (labelled: (string[] | undefined)[]): Promise<string> => {
    writeFileSync(list, JSON.stringify(labelled.map((names, i) => entry(i, names))));
    return (await checked({ validationFraction: 0, train: [{ datalist: list }] })).text;
  };
  expect(await text([['class 1'], ['class 1'], ['class 1']])).toMatch(
    /3 training cases, hold voxels, but none that counts, of class 2 \(2\)/,
  );
  expect(await text([['class 2'], undefined])).not.toContain('none that counts');
  expect(await text([['class 1', 'class 2'], ['class 2']])).not.toContain('none that counts');
});

it('a copy of a case that is set aside is a leak', async () => {
  const folder = join(root, 'copies');
  for (const part of ['imagesTr', 'labelsTr']) {
    mkdirSync(join(folder, part), { recursive: true });
    for (const name of ['a', 'b']) copyFileSync(join(root, part, 'c0.nii.gz'), join(folder, part, `${name}.nii.gz`));
  }
  expect((await checked({ validationFraction: 0.5 }, folder)).text).toMatch(/validation list/);
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDatasetsView } from '../../../../src/extension/datasets/datasetsView';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';

let extension: TestExtension;
beforeEach(async () => {
  extension = new TestExtension([]);
  await extension.makeThread('datasets-worker', 'data/datalist/worker.ts');
});
afterEach(() => extension.dispose());

type Row = readonly [label: string, description: unknown];

/** The rows of the view below one config: each source, and what is below it. */
async function rows(train: readonly unknown[]): Promise<(Row | readonly Row[])[]> {
  extension.write('one.voco.json', JSON.stringify({ data: { train } }));
  createDatasetsView(extension.services);
  const view = editor.trees.get('voco.datasets')!;
  const row = (node: unknown): Row => {
    const { label, description } = view.getTreeItem(node);
    return [label, description];
  };
  const [config] = await view.getChildren();
  const found: (Row | readonly Row[])[] = [];
  for (const source of await view.getChildren(config)) {
    found.push(row(source));
    found.push((await view.getChildren(source)).map(row));
  }
  return found;
}

function nnunet(): void {
  for (const name of ['p1', 'p2']) {
    for (const channel of [0, 1, 2]) extension.write(`Dataset3/imagesTr/${name}_000${channel}.nii.gz`, '');
    extension.write(`Dataset3/labelsTr/${name}.nii.gz`, '');
  }
}

it('shows the channels of nnU-Net as one case, by its file that is trained on', async () => {
  nnunet();
  const source = { folder: 'Dataset3', channel: 2 };
  expect(await rows([source])).toEqual([
    ['Dataset3', 'training · 2 volumes'],
    [
      ['p1', '3 channels'],
      ['p2', '3 channels'],
    ],
  ]);
  const { cases } = await extension.services.datasets.list(source, extension.folder, 1);
  expect(cases.map(({ image }) => image)).toEqual([join(extension.folder, 'Dataset3/imagesTr/p1_0002.nii.gz')]);
});

it('lists arrays and UTF-16, AbdomenAtlas and a pattern as training does', async () => {
  const items = [{ image: 'ct\\1.nii.gz', label: 'seg\\1.nii.gz' }, { image: 'ct/2.nii.gz' }];
  writeFileSync(extension.write('a.json', ''), Buffer.from(`\uFEFF${JSON.stringify(items)}`, 'utf16le'));
  for (const name of ['A', 'B']) {
    extension.write(`atlas/${name}/ct.nii.gz`, '');
    extension.write(`atlas/${name}/segmentations/liver.nii.gz`, '');
  }
  extension.write('b.csv', 'image,fold\nx/u.nii,0\nx/v.nii,1\n');
  const sources = [
    { datalist: 'a.json' },
    { folder: 'atlas' },
    { glob: 'atlas/*/c*.nii.gz' },
    { datalist: 'b.csv', folds: [1] },
  ];
  expect(await rows(sources)).toEqual([
    ['a.json', 'training · 2 volumes'],
    [
      ['1', 'labelled'],
      ['2', ''],
    ],
    ['atlas', 'training · 2 volumes'],
    [
      ['atlas/A/ct', ''],
      ['atlas/B/ct', ''],
    ],
    ['atlas/*/c*.nii.gz', 'training · 2 volumes'],
    [
      ['glob/A/ct', ''],
      ['glob/B/ct', ''],
    ],
    ['b.csv', 'training · 1 volume'],
    [['v', '']],
  ]);
});

it('says why a source cannot be listed', async () => {
  extension.write('broken.json', '[{ "image": ]');
  extension.write('empty/readme.md', '');
  const found = await rows([{ datalist: 'broken.json' }, { folder: 'empty' }, { folder: 7 }]);
  expect(found).toMatchObject([
    ['broken.json', 'training · cannot be listed'],
    [[expect.stringMatching(/broken\.json: not valid JSON: line 1/), undefined]],
    ['empty', 'training · cannot be listed'],
    [[expect.stringMatching(/empty: no \.nii or \.nii\.gz file/), undefined]],
  ]);
});

it('lists the first cases, and more when asked', async () => {
  for (let i = 0; i < 130; i++) extension.write(`ct/${i}.nii`, '');
  const [, cases] = await rows([{ folder: 'ct' }]);
  expect(cases).toHaveLength(101);
  expect(cases!.slice(0, 3)).toEqual(['0', '1', '2'].map((id) => [id, '']));
  expect(cases!.at(-1)).toEqual(['Show more…', '30 not listed']);
});

import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import { glob } from '../../../src/data/datalist/glob';
import { literalPattern } from '../../../src/files/pattern';
import { resolveSources, splitValidation, type DataSource } from '../../../src/data/datalist/sources';

let root: string;

function put(path: string, content: unknown = ''): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

async function messageOf(source: DataSource, labels = false): Promise<string> {
  const error: unknown = await resolveSources([source], root, { labels }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const { message } = error as UserError;
  expect(message).not.toContain('\n');
  return message;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'voco-datalist-'));
  for (const name of ['img0002', 'img0001', 'img0010']) put(`btcv/imagesTr/${name}.nii.gz`);
  for (const name of ['label0001', 'label0002', 'label0010']) put(`btcv/labelsTr/${name}.nii.gz`);
  put('btcv/imagesTr/._img0001.nii.gz');
  put('btcv/notes.txt');
});
afterAll(() => rmSync(root, { recursive: true }));

describe('Decathlon datalists', () => {
  it('joins paths to the folder of the list, or to the base folder given', async () => {
    put('btcv/list.json', {
      numTraining: 80,
      training: [{ image: 'imagesTr/img0001.nii.gz', label: './labelsTr/label0001.nii.gz' }],
    });
    const [own] = await resolveSources([{ datalist: 'btcv/list.json' }], root, { labels: true });
    expect(own).toEqual({
      id: 'img0001',
      image: join(root, 'btcv/imagesTr/img0001.nii.gz'),
      label: join(root, 'btcv/labelsTr/label0001.nii.gz'),
      source: 'list',
    });
    const [based] = await resolveSources([{ datalist: 'btcv/list.json', baseDir: 'elsewhere' }], root, {
      labels: false,
    });
    expect(based!.image).toBe(join(root, 'elsewhere/imagesTr/img0001.nii.gz'));
    expect(based!.label).toBeUndefined();
  });

  it('takes the folds that are asked for, and says which there are', async () => {
    const entry = (n: number, fold?: number) => ({ image: `f/${n}.nii.gz`, ...(fold !== undefined && { fold }) });
    put('folds.json', { training: [entry(1, 0), entry(2, 1), entry(3, 2), entry(4, 1)] });
    put('plain.json', { training: [entry(1), entry(2)] });
    const read = async (datalist: string, folds: number[]) =>
      (await resolveSources([{ datalist, folds }], root, { labels: false })).map(({ id }) => id);
    expect(await read('folds.json', [1, 2])).toEqual(['2', '3', '4']);
    expect(await read('folds.json', [0])).toEqual(['1']);
    await expect(read('folds.json', [7])).rejects.toThrow(/no entry of fold 7; it has the folds 0, 1, 2/);
    await expect(read('plain.json', [0])).rejects.toThrow(
      /plain\.json: the list "training" has entries without "fold"/,
    );
  });

  it('reads several lists at once, with several channels and plain paths', async () => {
    put('brats.json', { validation: [{ image: ['a/flair.nii.gz', 'a/t1.nii.gz'], label: 'a/seg.nii.gz', fold: 0 }] });
    put('test.json', { test: ['one.nii.gz', '/data/two.nii.gz'] });
    const cases = await resolveSources(
      [
        { datalist: 'brats.json', key: 'validation', name: 'BraTS' },
        { datalist: 'test.json', key: 'test' },
      ],
      root,
      { labels: false },
    );
    expect(cases.map((item) => item.image)).toEqual([
      [join(root, 'a/flair.nii.gz'), join(root, 'a/t1.nii.gz')],
      join(root, 'one.nii.gz'),
      '/data/two.nii.gz',
    ]);
    expect(cases.map((item) => item.source)).toEqual(['BraTS', 'test', 'test']);
  });

  it('gives every case an id of its own', async () => {
    put('same.json', {
      training: [{ image: 'p1/ct.nii.gz' }, { image: 'p2/ct.nii.gz' }, { image: 'p2/ct.nii.gz' }, { image: 'x.nii' }],
    });
    const cases = await resolveSources([{ datalist: 'same.json' }], root, { labels: false });
    expect(cases.map((item) => item.id)).toEqual(['same/p1/ct', 'same/p2/ct#1', 'same/p2/ct#2', 'x']);
  });

  it('explains the traps of lists in the wild', async () => {
    put('flare23.json', { training: [{ images: 'a.nii.gz' }] });
    expect(await messageOf({ datalist: 'flare23.json' })).toMatch(
      /flare23\.json: training\[0\] has the key "images" instead of "image"/,
    );
    put('kits_test.json', { labels: { 0: 'background' }, modality: ['CT'], test: ['a.nii.gz'] });
    expect(await messageOf({ datalist: 'kits_test.json' })).toMatch(
      /no list "training"; it has "test" \(1\); set "key"/,
    );
    put('word.json', { training: [{ image: 'a.nii.gz' }], validation: ['imagesVal'] });
    expect(await messageOf({ datalist: 'word.json', key: 'validation' })).toMatch(
      /validation\[0\] is "imagesVal", which is not a \.nii/,
    );
    put('empty.json', { training: [] });
    expect(await messageOf({ datalist: 'empty.json' })).toMatch(/the list "training" is empty/);
    put('broken.json', '{"training": [');
    expect(await messageOf({ datalist: 'broken.json' })).toMatch(/broken\.json: not valid JSON/);
    put('array.json', []);
    expect(await messageOf({ datalist: 'array.json' })).toMatch(/expected a JSON object/);
    put('nolabel.json', { training: [{ image: 'a.nii.gz', seg: 'b.nii.gz' }] });
    expect(await messageOf({ datalist: 'nolabel.json' }, true)).toMatch(/has the key "seg" instead of "label"/);
    expect(await messageOf({ datalist: 'missing.json' })).toMatch(
      /missing\.json: cannot read the datalist: no such file/,
    );
  });
});

describe('folders and patterns', () => {
  it('lists the volumes of a folder by name, without hidden files and label folders', async () => {
    const cases = await resolveSources([{ folder: 'btcv' }], root, { labels: false });
    expect(cases.map((item) => item.id)).toEqual(['img0001', 'img0002', 'img0010']);
  });

  it('finds the label beside an image', async () => {
    const cases = await resolveSources([{ folder: 'btcv/imagesTr' }], root, { labels: true });
    expect(cases.map((item) => item.label)).toEqual(
      ['0001', '0002', '0010'].map((n) => join(root, `btcv/labelsTr/label${n}.nii.gz`)),
    );
  });

  it('matches patterns', async () => {
    put('deep/a/b/one.nii.gz');
    put('deep/a/two.nii');
    put('deep/.hidden/three.nii.gz');
    const names = async (pattern: string) =>
      (await glob(`${root}/${pattern}`)).map((file) => file.slice(root.length + 1));
    expect(await names('deep/**/*.nii*')).toEqual(['deep/a/b/one.nii.gz', 'deep/a/two.nii']);
    expect(await names('deep/*/*.{nii,nii.gz}')).toEqual(['deep/a/two.nii']);
    expect(await names('btcv/imagesTr/img000[12].nii.gz')).toHaveLength(2);
    expect(await names('btcv/imagesTr/img000[!1].nii.gz')).toEqual(['btcv/imagesTr/img0002.nii.gz']);
    expect(await names('btcv/imagesTr/img00?0.nii.gz')).toEqual(['btcv/imagesTr/img0010.nii.gz']);
    expect(await names('deep/**')).toEqual(['deep/a/b/one.nii.gz', 'deep/a/two.nii']);
    expect(await names('btcv/notes.txt')).toEqual(['btcv/notes.txt']);
    expect(await names('btcv/notesXtxt')).toEqual([]);
  });

  it('ends on a link that leads back to its own folder', async () => {
    put('loop/a.nii.gz');
    symlinkSync(join(root, 'loop'), join(root, 'loop/again'));
    const found = await glob(`${root}/loop/**/*.nii.gz`);
    expect(found).toEqual([join(root, 'loop/a.nii.gz')]);
    expect(await resolveSources([{ folder: 'loop' }], root, { labels: false })).toHaveLength(1);
  });

  describe('glob', () => {
    let folder: string;
    const below = async (pattern: string) =>
      (await glob(`${folder}/${pattern}`)).map((file) => file.slice(folder.length + 1).replaceAll('\\', '/'));

    beforeAll(() => {
      folder = join(root, 'patterns');
      const files = ['a/x.nii', 'a/x_seg.nii', 'a/.v.nii', 'a/.h/z.nii', 'a/X.nii', 'a/img (1).nii', 'a/img 1.nii'];
      const odd = ['a/1+.nii', 'a/11.nii', 'a/p|q.nii', 'a/1..3.nii', 'a/2.nii', 'set [1]/{b}/y.nii', 'set 1/b/y.nii'];
      for (const file of [...files, ...odd, 'b/c/d/w.nii.gz', '.cache/r.nii']) put(join('patterns', file));
    });

    it.each([
      ['{a/x,b/c/d/w}.nii*', ['a/x.nii', 'b/c/d/w.nii.gz']],
      ['a/{x,{2,11}}.nii', ['a/11.nii', 'a/2.nii', 'a/x.nii']],
      ['a/x.{nii}', ['a/x.nii']],
      ['a/{1..3}.nii', ['a/1..3.nii']],
      ['{a,b/**}/[wx].nii{,.gz}', ['a/x.nii', 'b/c/d/w.nii.gz']],
    ])('chooses between what stands in braces: %s', async (pattern, files) => {
      expect(await below(pattern)).toEqual(files);
    });

    it.each([
      ['a/@(x|2).nii', ['a/2.nii', 'a/x.nii']],
      ['a/[a-z]!(*_seg).nii', ['a/img (1).nii', 'a/img 1.nii', 'a/p|q.nii', 'a/x.nii']],
      ['a/+(1).nii', ['a/11.nii']],
    ])('knows groups: %s', async (pattern, files) => {
      expect(await below(pattern)).toEqual(files);
    });

    it.each([
      ['a/img (1).nii', ['a/img (1).nii']],
      ['a/img*(1).nii', ['a/img (1).nii']],
      ['a/img (?).nii', ['a/img (1).nii']],
      ['a/[0-9]+.nii', ['a/1+.nii']],
      ['a/?|q.nii', ['a/p|q.nii']],
    ])('takes signs that are no wildcards as they are: %s', async (pattern, files) => {
      expect(await below(pattern)).toEqual(files);
    });

    it.each([
      ['a/[!x]*v*.nii', []],
      ['a/!(x)v.nii', []],
      ['**/*.nii', expect.not.arrayContaining([expect.stringMatching(/(^|\/)\./)])],
      ['a/.*.nii', ['a/.v.nii']],
      ['**/.h/*.nii', ['a/.h/z.nii']],
      ['**/.cache/*.nii', ['.cache/r.nii']],
      ['{.cache,a/.h}/*', ['.cache/r.nii', 'a/.h/z.nii']],
    ])('finds hidden files only where the dot is written: %s', async (pattern, files) => {
      expect(await below(pattern)).toEqual(files);
    });

    it('tells upper from lower case, in names as in folders', async () => {
      expect(await below('a/[xX].nii')).toEqual(['a/X.nii', 'a/x.nii']);
      expect(await below('a/x*.nii')).toEqual(['a/x.nii', 'a/x_seg.nii']);
      expect(await below('*/x.NI?')).toEqual([]);
    });

    it('takes a folder of this name where its signs are escaped, and the config’s folder as it is', async () => {
      expect(await below('set [[]1]/[{]b}/*')).toEqual(['set [1]/{b}/y.nii']);
      expect(await below('set [1]/b/*')).toEqual(['set 1/b/y.nii']);
      if (process.platform !== 'win32') expect(await below('set \\[1\\]/\\{b\\}/*')).toEqual(['set [1]/{b}/y.nii']);
      const home = join(folder, 'set [1]/{b}');
      const image = join(home, 'y.nii');
      const sources: DataSource[] = [
        { glob: '*.nii' },
        { glob: '../{[{]b[}],c}/*.nii' },
        { glob: `${folder}/set [[]1]/**` },
      ];
      for (const source of sources)
        expect(await resolveSources([source], home, { labels: false })).toMatchObject([{ image }]);
      expect(literalPattern('/a (b)/[c]/{d}*?')).toBe('/a [(]b)/[[]c]/[{]d}[*][?]');
    });

    it('lists a link that leads nowhere, follows links side by side, and not into their own folders', async () => {
      const [from, ct, more] = ['links/from', 'links/ct', 'links/ct2'];
      put(`${ct}/x.nii`);
      put(`${more}/y.nii`);
      put(`${from}/own.nii`);
      const link = (target: string, name: string) => symlinkSync(join(root, target), join(root, name));
      link('absent.nii', `${from}/dead.nii`);
      link(ct, `${from}/ct`);
      link(more, `${ct}/more`);
      link(from, `${more}/back`);
      const found = await glob(`${root}/links/from/**/*.nii`);
      expect(found).toEqual(['ct/more/y.nii', 'ct/x.nii', 'dead.nii', 'own.nii'].map((name) => join(root, from, name)));
    });

    it('names a folder that cannot be listed', async () => {
      // A path longer than the system takes cannot be listed, not even by root; moving a tree below another makes one.
      const deep = (name: string) => Array.from({ length: 12 }, () => name.repeat(200)).join('/');
      const [upper, lower] = [join(root, 'long'), join(root, 'tail')];
      const inside = join(upper, deep('u'));
      mkdirSync(inside, { recursive: true });
      mkdirSync(join(lower, deep('l')), { recursive: true });
      renameSync(lower, join(inside, 'tail'));
      try {
        await expect(glob(`${upper}/**/*.nii`)).rejects.toThrow(/long\/u+\/.*l: cannot list the folder: /);
      } finally {
        renameSync(join(inside, 'tail'), lower);
      }
    });
  });

  it('refuses what is missing or empty', async () => {
    mkdirSync(join(root, 'nothing'), { recursive: true });
    expect(await messageOf({ folder: 'nothing' })).toMatch(/nothing: no \.nii or \.nii\.gz file/);
    expect(await messageOf({ folder: 'absent' })).toMatch(/absent: cannot list the folder: no such file/);
    expect(await messageOf({ glob: 'btcv/**/*.mha' })).toMatch(/no \.nii or \.nii\.gz file matches/);
    put('alone/imagesTr/img1.nii.gz');
    expect(await messageOf({ folder: 'alone/imagesTr' }, true)).toMatch(/img1\.nii\.gz: no label found/);
  });
});

describe('validation split', () => {
  const cases = Array.from({ length: 30 }, (_, i) => ({ id: `c${i}`, image: `/c${i}.nii`, source: 's' }));

  it('takes the fraction, without overlap, the same for the same seed', () => {
    const { train, validation } = splitValidation(cases, 0.2, 5);
    expect(validation).toHaveLength(6);
    expect(new Set([...train, ...validation].map((item) => item.id)).size).toBe(30);
    expect(splitValidation([...cases].reverse(), 0.2, 5).validation.map((item) => item.id)).toEqual(
      validation.map((item) => item.id).reverse(),
    );
    expect(splitValidation(cases, 0.2, 6).validation).not.toEqual(validation);
  });

  it('keeps at least one case on either side', () => {
    expect(splitValidation(cases.slice(0, 3), 0.01, 0).validation).toHaveLength(1);
    expect(splitValidation(cases.slice(0, 3), 1, 0).train).toHaveLength(1);
    expect(splitValidation(cases, 0, 0).validation).toHaveLength(0);
    expect(() => splitValidation(cases.slice(0, 1), 0.5, 0)).toThrow(UserError);
  });
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config';
import { absentClasses } from '../../src/check/dataset/classes';
import { judgeCase, type CaseVerdict, type LabelDemands } from '../../src/data/judge';
import { classifiedCases } from '../../src/data/classified';
import { imageFiles, lookAtData, resolveSources, type Case, type DataSource } from '../../src/data/datalist';
import { dataOffers } from '../../src/data/datalist/offers';
import { mayBeDicom } from '../../src/files/dicomFolder';
import { mergeMasks } from '../../src/data/labelled';
import { UserError } from '../../src/errors/userError';
import { identityAffine, readVolume, writeNifti } from '../../src/volume';
import { slice, writeDicom } from './dicomWriter';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'voco-layouts-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, content: unknown = '', encoding?: (text: string) => Uint8Array): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  writeFileSync(file, encoding ? encoding(text) : text);
  return file;
}

const utf16le = (text: string): Uint8Array => Buffer.from(`\uFEFF${text}`, 'utf16le');
const utf16be = (text: string): Uint8Array => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16();
const withMark = (text: string): Uint8Array => Buffer.from(`\uFEFF${text}`);

const cases = (source: DataSource, labels = false): Promise<Case[]> =>
  resolveSources([source], root, { labels, channel: 0 });
const below = (file: string): string => relative(root, file).replaceAll('\\', '/');
const images = async (source: DataSource): Promise<string[]> =>
  (await cases(source)).flatMap((item) => imageFiles(item).map(below));

async function refusal(source: DataSource, labels = false): Promise<string> {
  const error: unknown = await cases(source, labels).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).message).not.toContain('\n');
  return (error as UserError).message;
}

/** Two cases of two channels with labels, and a test case. */
function nnunet(folder: string, description: unknown): void {
  for (const name of ['ANA', 'BEN'])
    for (const channel of ['0000', '0001']) put(`${folder}/imagesTr/${name}_${channel}.nii.gz`);
  for (const name of ['ANA', 'BEN']) put(`${folder}/labelsTr/${name}.nii.gz`);
  for (const channel of ['0000', '0001']) put(`${folder}/imagesTs/CLEO_${channel}.nii.gz`);
  if (description !== undefined) put(`${folder}/dataset.json`, description);
}

const V2 = {
  channel_names: { 0: 'CT', 1: 'PET' },
  labels: { background: 0, liver: 1 },
  numTraining: 2,
  file_ending: '.nii.gz',
};

describe('raw data of nnU-Net', () => {
  it('has channels, not cases: one is chosen by number or name, none is an error with their names', async () => {
    nnunet('D1', V2);
    expect(await refusal({ folder: 'D1' })).toMatch(/each case has 2 channels.*\(0 CT, 1 PET\).*"channel": 0/);
    const [ana, ben, ...more] = await cases({ folder: 'D1', channel: 'pet' }, true);
    expect(more).toEqual([]);
    expect(ana).toMatchObject({
      id: 'ANA',
      image: join(root, 'D1/imagesTr/ANA_0001.nii.gz'),
      label: join(root, 'D1/labelsTr/ANA.nii.gz'),
    });
    expect(ben!.id).toBe('BEN');
    expect(await images({ folder: 'D1', channel: 0 })).toEqual(
      ['imagesTr/ANA', 'imagesTr/BEN', 'imagesTs/CLEO'].map((name) => `D1/${name}_0000.nii.gz`),
    );
    expect(await refusal({ folder: 'D1', channel: 2 })).toMatch(/no channel 2; there are 0 CT, 1 PET/);
    const all = await resolveSources([{ folder: 'D1/imagesTr' }], root, { labels: false, channel: 'all' });
    expect(all.map((item) => imageFiles(item).length)).toEqual([2, 2]);
  });

  it('is known by its names and labels where dataset.json is not there', async () => {
    nnunet('D2', undefined);
    expect(await refusal({ folder: 'D2/imagesTr' })).toMatch(/each case has 2 channels/);
    expect(await refusal({ glob: 'D2/imagesTr/*.nii.gz' })).toMatch(/each case has 2 channels/);
    expect(await images({ glob: 'D2/imagesTr/*_0001.nii.gz' })).toHaveLength(2);
    // Numbered scans are cases.
    for (const n of ['0000', '0001', '0002']) put(`scans/scan_${n}.nii.gz`);
    expect(await images({ folder: 'scans' })).toHaveLength(3);
  });

  it('names the case that lacks the channel', async () => {
    nnunet('D3', V2);
    rmSync(join(root, 'D3/imagesTr/BEN_0001.nii.gz'));
    expect(await refusal({ folder: 'D3', channel: 1 }, true)).toMatch(/case BEN has no file of channel 1/);
    expect(await cases({ folder: 'D3', channel: 0 }, true)).toHaveLength(2);
  });

  it('is found by its dataset.json, with or without lists', async () => {
    nnunet('D4', V2);
    const list = 'D4/dataset.json';
    expect(await cases({ datalist: list, channel: 1 }, true)).toHaveLength(2);
    expect(await images({ datalist: list, key: 'test', channel: 0 })).toEqual(['D4/imagesTs/CLEO_0000.nii.gz']);
    put('alone/dataset.json', V2);
    expect(await refusal({ datalist: 'alone/dataset.json' })).toMatch(
      /this is an nnU-Net dataset\.json without cases: point at its folder/,
    );
    const item = { images: ['imagesTr/ANA_0000.nii.gz', 'imagesTr/ANA_0001.nii.gz'], label: 'labelsTr/ANA.nii.gz' };
    put('D4/dataset.json', { ...V2, dataset: { first: item } });
    expect(await cases({ datalist: list, channel: 'CT' }, true)).toMatchObject([
      { id: 'first', image: join(root, 'D4/imagesTr/ANA_0000.nii.gz') },
    ]);
  });

  it('of version 1 lists names without the number of the channel', async () => {
    const training = [{ image: './imagesTr/ANA.nii.gz', label: './labelsTr/ANA.nii.gz' }];
    nnunet('T1', { modality: { 0: 'T1', 1: 'T2' }, labels: { 0: 'background', 1: 'x' }, training });
    const list = 'T1/dataset.json';
    expect(await refusal({ datalist: list })).toMatch(/0 T1, 1 T2/);
    expect(await cases({ datalist: list, channel: 'T2' }, true)).toMatchObject([
      { id: 'ANA', image: join(root, 'T1/imagesTr/ANA_0001.nii.gz') },
    ]);
  });
});

describe('trees of folders', () => {
  it('of AbdomenAtlas and TotalSegmentator give the images alone', async () => {
    for (const name of ['B1', 'B2']) {
      put(`atlas/${name}/ct.nii.gz`);
      put(`atlas/${name}/combined_labels.nii.gz`);
      for (const mask of ['liver', 'aorta']) put(`atlas/${name}/segmentations/${mask}.nii.gz`);
    }
    expect(await images({ folder: 'atlas' })).toEqual(['atlas/B1/ct.nii.gz', 'atlas/B2/ct.nii.gz']);
    const labelled = await cases({ folder: 'atlas' }, true);
    expect(below(labelled[0]!.label!)).toBe('atlas/B1/combined_labels.nii.gz');
    rmSync(join(root, 'atlas/B1/combined_labels.nii.gz'));
    // One case without a label is a bad case; all of them are a source that needs a key.
    expect((await cases({ folder: 'atlas' }, true)).map(({ problem }) => problem?.message)).toEqual([
      expect.stringMatching(/the labels are 2 masks.*"masks": "all"/),
      undefined,
    ]);
    rmSync(join(root, 'atlas/B2/combined_labels.nii.gz'));
    expect(await refusal({ folder: 'atlas' }, true)).toMatch(/the labels are 2 masks.*"masks": "all"/);
    expect(await refusal({ folder: 'atlas', masks: ['livr'] }, true)).toMatch(/no mask "livr"; it has aorta, liver/);
  });

  it('of BIDS give the anatomical images, without derivatives and masks', async () => {
    for (const sub of ['sub-01', 'sub-02']) {
      for (const suffix of ['T1w', 'desc-brain_mask']) put(`bids/${sub}/ses-1/anat/${sub}_ses-1_${suffix}.nii.gz`);
      put(`bids/${sub}/ses-1/func/${sub}_ses-1_bold.nii.gz`);
      put(`bids/derivatives/fs/${sub}/anat/${sub}_T1w.nii.gz`);
    }
    expect(await images({ folder: 'bids' })).toEqual(
      ['sub-01', 'sub-02'].map((sub) => `bids/${sub}/ses-1/anat/${sub}_ses-1_T1w.nii.gz`),
    );
  });

  it('follow links, each folder once, and end where links go in circles', async () => {
    put('store/one.nii.gz');
    put('tree/own.nii.gz');
    symlinkSync(join(root, 'store'), join(root, 'tree/linked'));
    symlinkSync(join(root, 'store'), join(root, 'tree/again'));
    symlinkSync(join(root, 'tree'), join(root, 'store/back'));
    symlinkSync(root, join(root, 'tree/up'));
    expect(await images({ folder: 'tree' })).toEqual(['tree/again/one.nii.gz', 'tree/own.nii.gz']);
  });
});

describe('lists', () => {
  const entry = { image: 'a/x.nii.gz', label: 'l/x.nii.gz' };

  it.each([
    ['UTF-16 LE', utf16le],
    ['UTF-16 BE', utf16be],
    ['UTF-16 LE without a mark', (text: string) => Buffer.from(text, 'utf16le')],
    ['UTF-8 with a mark', withMark],
  ])('are read in %s: JSON, CSV and TXT', async (_, encoding) => {
    put('list.json', { training: [entry] }, encoding);
    put('list.csv', 'image,label\r\na/x.nii.gz,l/x.nii.gz\r\n', encoding);
    put('list.txt', '# scans\r\n\r\na/x.nii.gz\tl/x.nii.gz\r\n', encoding);
    for (const datalist of ['list.json', 'list.csv', 'list.txt'])
      expect(await cases({ datalist }, true)).toMatchObject([
        { image: join(root, 'a/x.nii.gz'), label: join(root, 'l/x.nii.gz') },
      ]);
  });

  it('may be an array of cases or of paths, or one JSON a line', async () => {
    put('array.json', [entry, { image: 'a/y.nii.gz' }]);
    put('paths.json', ['a/x.nii.gz', 'a/y.nii.gz']);
    put('lines.jsonl', `${JSON.stringify(entry)}\n${JSON.stringify({ image: 'a/y.nii.gz' })}\n`);
    for (const datalist of ['array.json', 'paths.json', 'lines.jsonl'])
      expect(await images({ datalist })).toEqual(['a/x.nii.gz', 'a/y.nii.gz']);
  });

  it('take separators of Windows, home folders, accents, commas, blanks and quotes in names', async () => {
    const odd = ['a, b/c d.nii.gz', "a/it's.nii.gz", 'a/"q".nii.gz', 'Ärzte/患者.nii.gz'];
    put('odd.json', [...odd, 'imagesTr\\case.nii.gz']);
    expect(await images({ datalist: 'odd.json' })).toEqual([...odd, 'imagesTr/case.nii.gz']);
    put('odd.csv', 'image;site\r\n"a, b/c d.nii.gz";1\r\n');
    put('odd.txt', 'a, b/c d.nii.gz\n"a/x y.nii.gz"\n');
    expect(await images({ datalist: 'odd.csv' })).toEqual(['a, b/c d.nii.gz']);
    expect(await images({ datalist: 'odd.txt' })).toEqual(['a, b/c d.nii.gz', 'a/x y.nii.gz']);
    // Composed in the list, decomposed on the disk.
    put('Mu\u0308ller/ct.nii.gz');
    put('accents.json', ['M\u00fcller/ct.nii.gz']);
    expect(await images({ datalist: 'accents.json' })).toEqual(['Mu\u0308ller/ct.nii.gz']);
  });

  it('name the line that is wrong', async () => {
    put('comma.json', '{\n "training": [\n  {"image": "a.nii.gz"},\n ]\n}');
    expect(await refusal({ datalist: 'comma.json' })).toMatch(
      /comma\.json: .*line 3: a comma.*before the closing "\]"/,
    );
    put('comment.json', '{\n // all\n "training": []}');
    expect(await refusal({ datalist: 'comment.json' })).toMatch(/line 2: JSON has no comments/);
    put('comma.txt', 'a.nii.gz\n\nb.nii.gz,\n');
    expect(await refusal({ datalist: 'comma.txt' })).toMatch(/comma\.txt:3: the line ends with a ","/);
    put('comma.csv', 'image,label\na, b.nii.gz,l.nii.gz\n');
    expect(await refusal({ datalist: 'comma.csv' }, true)).toMatch(/comma\.csv:2: has 3 fields, the header 2/);
    put('drive.json', ['D:\\data\\a.nii.gz']);
    if (process.platform !== 'win32')
      expect(await refusal({ datalist: 'drive.json' })).toMatch(/a path of a Windows machine.*"baseDir"/);
  });

  it('of nnssl are read, with the variable of their paths', async () => {
    const images = (name: string) => [
      { name: `${name}.nii.gz`, image_path: `$voco_raw/D7/${name}.nii.gz`, associated_masks: null },
    ];
    const subjects = { p1: { sessions: { s1: { images: images('t1') }, s2: { images: images('t2') } } } };
    put('pretrain_data.json', { collection_index: 7, collection_name: 'D7', datasets: { siteA: { subjects } } });
    expect(await refusal({ datalist: 'pretrain_data.json' })).toMatch(/set the environment variable voco_raw/);
    process.env.voco_raw = join(root, 'raw');
    try {
      const found = await cases({ datalist: 'pretrain_data.json' });
      expect(found.map(({ id }) => id)).toEqual(['siteA__p1__s1__t1', 'siteA__p1__s2__t2']);
      expect(found[0]!.image).toBe(join(root, 'raw/D7/t1.nii.gz'));
    } finally {
      delete process.env.voco_raw;
    }
  });

  it('with ids that clash on some disks get others, and numbered ones are told', async () => {
    put('clash.json', ['a/X.nii.gz', 'b/x.nii.gz', 'c/y.nii.gz', 'c/y.nii.gz']);
    const notes: string[] = [];
    const options = { labels: false, onNote: (text: string) => void notes.push(text) };
    const found = await resolveSources([{ datalist: 'clash.json' }], root, options);
    expect(found.map(({ id }) => id)).toEqual(['clash/a/X', 'clash/b/x', 'clash/c/y#1', 'clash/c/y#2']);
    expect(notes).toEqual([expect.stringContaining('1 name of cases occurs more than once')]);
  });

  it('of classes are read in UTF-16 and with separators of Windows', async () => {
    put('classes.csv', 'image\tlabel\nscans\\a.nii.gz\t1\n', utf16le);
    const classes = [{ name: 'ill', values: [1] }];
    expect(await classifiedCases([{ datalist: join(root, 'classes.csv') }], classes)).toMatchObject([
      { image: join(root, 'scans/a.nii.gz'), class: 0 },
    ]);
  });

  it('without labels where a fine-tuning needs them name the line, and what to write', async () => {
    put('paths.txt', '# cases\na.nii.gz\n');
    expect(await refusal({ datalist: 'paths.txt' }, true)).toMatch(/paths\.txt:2: no label is named; .*behind that of/);
    put('cases.csv', 'image,label\na.nii.gz,\n');
    expect(await refusal({ datalist: 'cases.csv' }, true)).toMatch(/cases\.csv:2: no label is named; .*column "label"/);
  });

  it('whose single entries lack a label, or name no volume, keep the others', async () => {
    put('cases.csv', 'image,label\na.nii.gz,a_seg.nii.gz\nb.nii.gz,\nc.nii.gz,c_seg.nii.gz\n');
    const table = await cases({ datalist: 'cases.csv' }, true);
    expect(table.map(({ label, problem }) => [label !== undefined, problem?.file])).toEqual([
      [true, undefined],
      [false, join(root, 'cases.csv:3')],
      [true, undefined],
    ]);
    const entry = { image: 'a.nii.gz', label: 'a_seg.nii.gz' };
    const wrong = [
      { image: 'b.nii.gz' },
      { image: 'c.nii.gz', label: ['x', 'y'] },
      'd.nii.gz',
      { ...entry, labelled: 1 },
    ];
    put('cases.json', { training: [entry, ...wrong] });
    const list = await cases({ datalist: 'cases.json' }, true);
    expect(list.map(({ problem }) => problem?.message)).toEqual([
      undefined,
      expect.stringMatching(/^training\[1\] has no "label"/),
      expect.stringMatching(/^training\[2\]: "label" must be one path/),
      expect.stringMatching(/^training\[3\] is only a path, without a label/),
      expect.stringMatching(/^training\[4\]: "labelled" must be a list/),
    ]);
    put('images.json', ['a.nii.gz', 'notes.txt']);
    const [good, other] = await cases({ datalist: 'images.json' });
    expect([good!.problem, other!.problem?.message]).toEqual([undefined, expect.stringMatching(/not a \.nii/)]);
  });

  it('whose single entries name no image keep the others, and are told once', async () => {
    put('cases.csv', 'image,label\na.nii.gz,a_seg.nii.gz\n,b_seg.nii.gz\n');
    put('cases.json', [{ image: 'a.nii.gz', label: 'x' }, { img: 'b.nii.gz' }, 7, { image: 'https://x.org/a.nii.gz' }]);
    put('classes.csv', 'image,label\na.nii.gz,1\n,1\n');
    const [, row] = await cases({ datalist: 'cases.csv' }, true);
    const [, misspelt, number, address] = await cases({ datalist: 'cases.json' }, true);
    const [, second] = await classifiedCases([{ datalist: join(root, 'classes.csv') }], [{ name: 'ill', values: [1] }]);
    const demands = { channel: 0, preprocess: null };
    for (const [item, message] of [
      [row, /^no image is named/],
      [misspelt, /has the key "img" instead of "image"/],
      [number, /expected an object with "image"/],
      [address, /is an address: download the file/],
      [second, /^the image is missing/],
    ] as const) {
      expect(item!.problem!.message).toMatch(message);
      const { findings } = await judgeCase(item!, demands, 'voxels', null);
      expect(findings).toMatchObject([
        { severity: 'error', file: item!.problem!.file, message: item!.problem!.message },
      ]);
    }
  });

  it('of other programs are named', async () => {
    put('splits_final.json', [{ train: ['a', 'b'], val: ['c'] }]);
    expect(await refusal({ datalist: 'splits_final.json' })).toMatch(/splits of nnU-Net .*folder of the raw data/);
    for (const name of ['cases.xlsx', 'cases.yaml', 'cases.pkl'])
      expect(await refusal({ datalist: below(put(name, 'PK')) })).toMatch(
        /files are not read as lists; write JSON, CSV/,
      );
  });

  it('that are something else are named', async () => {
    put('x/scan.nii.gz');
    expect(await refusal({ datalist: 'x' })).toMatch(/is a folder, not a list; write \{ "folder"/);
    expect(await refusal({ datalist: 'x/scan.nii.gz' })).toMatch(/is a volume, not a list/);
    put('list.json', []);
    expect(await refusal({ folder: 'list.json' })).toMatch(/is a file, not a folder; write \{ "datalist"/);
    put('only/segmentations/liver.nii.gz');
    expect(await refusal({ folder: 'only' })).toMatch(/folders of label maps \(segmentations\) are not searched/);
  });
});

it.each([
  ['LiTS', 'volume-', 'segmentation-', ''],
  ['names that end so', 'p', 'p', '_seg'],
  ['images called so', 'case_', 'case_', '_label', '_image'],
])(
  'label maps beside their images in one folder are found by the name of the case: %s',
  async (_, before, label, after, mark = '') => {
    for (const n of [1, 2, 10]) {
      put(`all/${before}${n}${mark}.nii.gz`);
      put(`all/${label}${n}${after}.nii.gz`);
    }
    const found = await cases({ folder: 'all' }, true);
    expect(found.map((item) => [below(imageFiles(item)[0]!), below(item.label!)])).toEqual(
      expect.arrayContaining(
        [1, 2, 10].map((n) => [`all/${before}${n}${mark}.nii.gz`, `all/${label}${n}${after}.nii.gz`]),
      ),
    );
    // Two that could be meant are none.
    put(`all/${label}1${after}.nrrd`);
    const one = (await cases({ folder: 'all' }, true)).find(({ label: file }) => file === undefined);
    expect(one?.problem?.message).toMatch(/no label/);
  },
);

it('a label map beside the folder of a DICOM series belongs to it', async () => {
  for (const patient of ['p1', 'p2'])
    for (const k of [0, 1, 2]) {
      const options = { series: `1.2.${patient[1]}`, position: [0, 0, 2 * k], pixels: new Int16Array(20), columns: 5 };
      mkdirSync(join(root, 'set', patient, 'ct'), { recursive: true });
      writeDicom(join(root, `set/${patient}/ct/${k}${patient === 'p1' ? '' : '.dcm'}`), slice(options));
    }
  put('set/p1/Segmentation.seg.nrrd');
  put('set/p2/seg.nii.gz');
  const found = await cases({ folder: 'set' }, true);
  expect(found.map((item) => [below(imageFiles(item)[0]!), below(item.label!)])).toEqual([
    ['set/p1/ct', 'set/p1/Segmentation.seg.nrrd'],
    ['set/p2/ct', 'set/p2/seg.nii.gz'],
  ]);
  expect((await cases({ folder: 'set' })).length).toBe(2);
  // Whose it is of two series, nobody can tell.
  writeDicom(
    join(root, 'set/p1/pet/0'),
    slice({ series: '1.9', position: [0, 0, 0], pixels: new Int16Array(20), columns: 5 }),
  );
  const unsure = await cases({ folder: 'set' }, true);
  expect(unsure.map(({ label }) => label !== undefined)).toEqual([false, false, true]);
});

describe('masks of one class each', () => {
  const size = [4, 3, 2] as const;
  const mask = (path: string, voxels: readonly number[]): Promise<void> => {
    const data = new Uint8Array(24);
    for (const at of voxels) data[at] = 1;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return writeNifti(join(root, path), { data, shape: [1, ...size], affine: identityAffine() });
  };

  it('are merged by the names of the classes; overlaps and absent masks are told', async () => {
    await mask('set/s1/ct.nii.gz', []);
    await mask('set/s1/segmentations/liver.nii.gz', [0, 1, 2]);
    await mask('set/s1/segmentations/kidney_left.nii.gz', [2, 3]);
    const warnings: string[] = [];
    const classes = [
      { name: 'Kidney left', values: [7] },
      { name: 'liver', values: [9] },
      { name: 'spleen', values: [300] },
    ];
    const options = { folder: join(root, 'cache'), onWarning: (text: string) => void warnings.push(text) };
    process.env.VOCO_CACHE_DIR = options.folder;
    try {
      const found = await cases({ folder: 'set', masks: 'all' }, true);
      const [merged] = await mergeMasks(found, classes, options);
      const { volume } = await readVolume(merged!.label!);
      expect([...volume.data].slice(0, 5)).toEqual([9, 9, 9, 7, 0]);
      expect(merged!.labelled).toEqual(['Kidney left', 'liver']);
      expect(warnings).toEqual([
        expect.stringMatching(/1 voxel lies in two masks \(kidney_left and liver: 1\)/),
        expect.stringMatching(/no mask of spleen/),
      ]);
    } finally {
      delete process.env.VOCO_CACHE_DIR;
    }
  });
});

describe('classes of a custom task', () => {
  const config = (source: object, task: object = {}): string =>
    put('own.voco.json', { kind: 'finetune', task: { name: 'custom', ...task }, data: { train: [source] } });
  const taskOf = async (file: string) => (await loadConfig(file, { kind: 'finetune' })).config.task;

  it('come from dataset.json, with the ignored value and with regions', async () => {
    nnunet('D5', { ...V2, labels: { background: 0, liver: 1, tumour: 2, ignore: 3 } });
    expect(await taskOf(config({ folder: 'D5', channel: 0 }))).toMatchObject({
      output: 'softmax',
      ignore: 3,
      classes: [
        { name: 'liver', values: [1], colour: '#c77b58' },
        { name: 'tumour', values: [2] },
      ],
    });
    nnunet('D6', { ...V2, labels: { background: 0, whole: [1, 2], core: [2] }, regions_class_order: [1, 2] });
    expect(await taskOf(config({ folder: 'D6/imagesTr', channel: 0 }))).toMatchObject({
      output: 'sigmoid',
      classes: [
        { name: 'whole', values: [1, 2] },
        { name: 'core', values: [2] },
      ],
    });
    const own = [{ name: 'mine', values: [1] }];
    expect((await taskOf(config({ folder: 'D5' }, { classes: own }))).classes).toMatchObject(own);
  });

  it('come from the names of masks, and are asked for where nothing names them', async () => {
    for (const name of ['liver', 'aorta']) put(`atlas/B1/segmentations/${name}.nii.gz`);
    expect((await taskOf(config({ folder: 'atlas', masks: 'all' }))).classes).toMatchObject([
      { name: 'aorta', values: [1] },
      { name: 'liver', values: [2] },
    ]);
    await expect(taskOf(config({ folder: 'atlas' }))).rejects.toThrow(/task custom needs its classes/);
  });

  it('come from the dataset.json beside the images, of a list that lies elsewhere', async () => {
    nnunet('raw/D9', V2);
    const entry = { image: '../raw/D9/imagesTr/ANA.nii.gz', label: '../raw/D9/labelsTr/ANA.nii.gz' };
    put('lists/far.json', { training: [entry] });
    put('lists/far.csv', `image,label\n${entry.image},${entry.label}\n`);
    for (const datalist of ['lists/far.json', 'lists/far.csv']) {
      expect((await taskOf(config({ datalist }))).classes).toMatchObject([{ name: 'liver', values: [1] }]);
      // Its channels are known from there, too: on the disk is a file for each.
      expect(await images({ datalist, channel: 'PET' })).toEqual(['raw/D9/imagesTr/ANA_0001.nii.gz']);
    }
  });
});

describe('folders of DICOM files without an ending', () => {
  it('are offered for a new experiment as the data sets that they are', async () => {
    for (const patient of ['p1', 'p2'])
      for (const z of [0, 2, 4])
        writeDicom(
          join(root, `unnamed/${patient}/1.2.840.${z}`),
          slice({ position: [0, 0, z], instance: z, pixels: new Int16Array(16).fill(z), columns: 4 }),
        );
    put('unnamed/notes/README', 'text');
    const slices = ['p1', 'p2'].flatMap((one) => [0, 2, 4].map((z) => join(root, `unnamed/${one}/1.2.840.${z}`)));
    const offers = await dataOffers([], [...slices, join(root, 'unnamed/notes/README')], [], join(root, 'unnamed'));
    expect(offers).toEqual([{ path: join(root, 'unnamed'), list: false, text: '2 volumes' }]);
    expect(slices.every(mayBeDicom)).toBe(true);
    // One of them is no list of cases.
    await expect(lookAtData(slices[0]!)).rejects.toThrow(/is a volume, not a list of volumes; name its folder/);
  });
});

describe('a DICOM series in a list', () => {
  it('is a folder, or a file without an ending, by its path alone', async () => {
    const columns = 4;
    for (const z of [0, 2, 4])
      writeDicom(
        join(root, `scans/ana 1/IM${z}`),
        slice({ position: [0, 0, z], instance: z, pixels: new Int16Array(16).fill(z), columns }),
      );
    put('list.json', ['scans/ana 1', 'scans\\ana 1', 'scans/ana 1/IM2']);
    const found = await images({ datalist: 'list.json' });
    expect(found).toEqual(['scans/ana 1', 'scans/ana 1', 'scans/ana 1/IM2']);
    put('notes', 'no volume');
    put('wrong.json', ['scans/notThere', 'notes']);
    expect(await refusal({ datalist: 'wrong.json' })).toMatch(/"scans\/notThere", which is not .*list the images/);
    put('text.json', ['notes']);
    expect(await refusal({ datalist: 'text.json' })).toMatch(/"notes", which is not/);
  });
});

describe('classes that no mask holds', () => {
  it('are told with a file of the data set, not of the cache', () => {
    const item: Case = {
      id: 's1',
      image: 'T/s1/ct.nii.gz',
      label: 'cache/5f.nii.gz',
      masks: [{ name: 'liver', file: 'T/s1/segmentations/liver.nii.gz' }],
      source: 'T',
    };
    const verdict: CaseVerdict = { findings: [], images: [], labelCounts: [[1, 40]] };
    const classes = ['liver', 'spleen'].map((name, i) => ({ name, values: [i + 1] }));
    const found = absentClasses([{ item, verdict }], 'training', { classes } as unknown as LabelDemands);
    expect(found).toMatchObject([
      { file: 'T/s1/segmentations/liver.nii.gz', message: expect.stringMatching(/spleen/) },
    ]);
  });
});

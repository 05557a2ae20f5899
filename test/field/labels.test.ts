import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../src/evaluate';
import { checkConfig, type Finding } from '../../src/check/dataset';
import { loadConfig } from '../../src/config';
import { readResults, runFiles } from '../../src/runs';
import { train } from '../../src/train';
import { RandomStream } from '../../src/random/random';
import {
  identityAffine,
  labelOnGrid,
  orient,
  shiftAffine,
  spatialCrop,
  writeNifti,
  type Affine,
  type Volume,
} from '../../src/volume';
import { trainingDevice } from '../support/trainer';
import { quiet, runsFolder, writeFinetune, type Json } from '../unit/downstream/support';

const folder = runsFolder('field-labels');
const SIZE = [22, 20, 18] as const;
const AFFINE: Affine = Float64Array.of(-1.5, 0, 0, 40, 0, 1.5, 0, -25, 0, 0, 2, 10, 0, 0, 0, 1);
const VOXELS = SIZE[0] * SIZE[1] * SIZE[2];

/** A bright block (1) beside a brighter one (2) in noise. */
function labelled(): Volume<Float32Array> {
  const data = Float32Array.from({ length: VOXELS }, (_, n) => {
    const [x, y, z] = [Math.floor(n / (SIZE[1] * SIZE[2])), Math.floor(n / SIZE[2]) % SIZE[1], n % SIZE[2]];
    if (x < 4 || x > 17 || y < 5 || y > 14 || z < 4 || z > 13) return 0;
    return x < 10 ? 1 : 2;
  });
  return { data, shape: [1, ...SIZE], affine: AFFINE };
}

const changed = (change: (value: number, n: number) => number): Volume<Float32Array> => {
  const label = labelled();
  return { ...label, data: label.data.map(change) };
};
const moved = (mm: number): Volume<Float32Array> => ({
  ...labelled(),
  affine: AFFINE.map((value, i) => (i === 7 ? value + mm : value)),
});

/** The label cut to what is labelled, as 3D Slicer writes it. */
const cut = spatialCrop(labelled(), [11, 10, 9], [14, 10, 10]);
/** On a grid that begins 3 voxels before the image's. */
const wide = labelOnGrid(labelled(), [24, 30, 21], shiftAffine(AFFINE, [-3, -3, -3]));

/** Label files as people have them, all of the same case. */
const LABELS: Record<string, Volume> = {
  plain: labelled(),
  hair: moved(0.02),
  half: moved(0.7),
  away: moved(9),
  turned: orient(labelled(), 'SPL'),
  cut,
  'cut-turned': orient(cut, 'SPL'),
  wide,
  // Ten voxels farther along x, the class on the right is beyond the border.
  'cut-away': { ...cut, affine: shiftAffine(cut.affine, [10, 0, 0]) },
  unplaced: { ...labelled(), affine: identityAffine() },
  scaled: changed((value) => value * 1.0196),
  smooth: changed((value, n) => (value === 1 && n % 4 === 0 ? 1.37 : value)),
  image: changed((value, n) => value * 300 - 1072 + (n % 251)),
  strange: changed((value, n) => (n % 50 === 7 ? 77 : n % 50 === 9 ? 99 : value)),
  empty: changed(() => 0),
  colours: labelled(),
  one: changed((value) => (value === 1 ? 1 : 0)),
  ignoring: changed((value, n) => (n % 6 === 0 ? 9 : value)),
};

const entry = (name: string, more: Json = {}): Json => ({
  image: `${name}.nii.gz`,
  label: `${name}-label.nii.gz`,
  ...more,
});

function config(name: string, training: Json[], validation: Json[], change: Json = {}): string {
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ training, validation }));
  const { data, task, ...rest } = change as { data?: Json; task?: Json };
  return writeFinetune(folder, name, {
    seed: 1,
    device,
    task: {
      name: 'custom',
      classes: [
        { name: 'left', values: [1] },
        { name: 'right', values: [2] },
      ],
      ...task,
    },
    data: {
      train: [{ datalist: `${name}.json` }],
      validation: validation.length > 0 ? [{ datalist: `${name}.json`, key: 'validation' }] : [],
      preprocess: { spacing: null, intensity: { kind: 'zscore' }, foreground: null },
      cache: { folder: 'cache' },
      ...data,
    },
    crops: { size: [16, 16, 32], perVolume: 2 },
    network: { name: 'unet3d', featureSize: 4 },
    train: { steps: 2, validateEvery: 2, checkpointEvery: 2 },
    inference: { overlap: 0.25 },
    ...rest,
  });
}

let device: string;

beforeAll(async () => {
  device = await trainingDevice();
  process.env.VOCO_CACHE_DIR = join(folder, 'cache');
  mkdirSync(folder, { recursive: true });
  const random = new RandomStream(3);
  for (const [name, label] of Object.entries(LABELS)) {
    const data = labelled().data.map((value) => 100 + 80 * value + random.range(-40, 40));
    await writeNifti(join(folder, `${name}.nii.gz`), { ...labelled(), data });
    await writeNifti(join(folder, `${name}-label.nii.gz`), label);
  }
  // The header of the colours says RGB24 of a third as many voxels a row.
  const { gunzipSync, gzipSync } = await import('node:zlib');
  const bytes = gunzipSync(readFileSync(join(folder, 'colours-label.nii.gz')));
  bytes.writeInt16LE(128, 70);
  writeFileSync(join(folder, 'colours-label.nii.gz'), gzipSync(bytes));
});

async function check(file: string): Promise<readonly Finding[]> {
  const { config } = await loadConfig(file, { kind: 'finetune' });
  return (await checkConfig(config, file, { depth: 'voxels', downstream: [] })).findings;
}

const run = (file: string, set: string[] = []) => train('finetune', { configFile: file, resume: false, set }, quiet);

describe('labels as people have them', () => {
  it.each([
    ['hair', 'warning', /lies up to 0\.02 mm off/],
    ['half', 'warning', /lies up to 0\.7 mm off/],
    ['away', 'error', /lies up to 9 mm away.*22×20×18 voxels of 1\.5×1\.5×2 mm/],
    ['cut', 'warning', /covers a part.*14×10×10 voxels from voxel \(4, 5, 4\) on; the rest/],
    ['cut-turned', 'warning', /covers a part.*10×10×14 voxels from voxel \(4, 5, 4\) on; the rest/],
    ['wide', 'warning', /from voxel \(−3, −3, −3\) on, [\d,]+ voxels of it outside of the image/],
    ['cut-away', 'error', /labels voxels outside of its image .*cut-away\.nii\.gz \(right: 600 voxels\)/],
    ['unplaced', 'error', /no place in space.*--labels-on-image-grid/],
    ['scaled', 'warning', /2\.0392.*rounded/],
    ['smooth', 'error', /between whole numbers \(1\.37/],
    ['image', 'error', /is an image, not a label map/],
    ['strange', 'error', /77 \(\d+ voxels\) and 99 \(\d+ voxels\).*no class/],
    ['empty', 'warning', /no voxel of any class/],
    ['colours', 'error', /RGB24.*class numbers/],
    ['ignoring', 'error', /the value 9 \(1,320 voxels\).*no class/],
  ] as const)('%s: check tells, and a run does the same', async (name, severity, pattern) => {
    const file = config(name, [entry('plain'), entry(name)], []);
    const found = (await check(file)).filter((one) => one.file.endsWith(`${name}-label.nii.gz`));
    const texts = found.map((one) => `${one.message}; ${one.advice}`);
    expect(texts.some((text) => pattern.test(text))).toBe(true);
    expect(found.some((one) => one.severity === 'error')).toBe(severity === 'error');
    if (severity === 'error') return expect(run(file)).rejects.toThrow(pattern);
    const { runDir, outcome } = await run(file);
    expect(outcome).toBe('finished');
    const log = readFileSync(runFiles(runDir).log, 'utf8').split('\n');
    expect(log.filter((line) => pattern.test(line))).toHaveLength(1);
  });

  it('whole, a hair away, in another orientation, scaled or cut: the same scores', async () => {
    const held = ['hair', 'turned', 'scaled', 'cut', 'cut-turned', 'wide'].map((name) => entry(name));
    const { runDir } = await run(config('same', [entry('plain')], held));
    await evaluate({ runDir, set: [] }, quiet);
    const { cases } = await readResults(runDir);
    for (const { classes } of cases)
      expect(classes.map(({ volume }) => volume!.truth)).toEqual(
        [6, 8].map((width) => expect.closeTo((width * 100 * 4.5) / 1000, 6)),
      );
  });

  it('a mask whose header has neither sform nor qform is one without an affine', async () => {
    const { gunzipSync, gzipSync } = await import('node:zlib');
    const bytes = gunzipSync(readFileSync(join(folder, 'plain-label.nii.gz')));
    for (const code of [252, 254]) bytes.writeInt16LE(0, code);
    writeFileSync(join(folder, 'bare-label.nii.gz'), gzipSync(bytes));
    const file = config('bare', [entry('plain'), entry('bare', { image: 'hair.nii.gz' })], []);
    expect((await check(file)).map(({ message }) => message).join('\n')).toMatch(/no place in space/);
    expect((await run(file, ['data.labelsOnImageGrid=true'])).outcome).toBe('finished');
  });

  it('a mask without an affine is trained and scored on its image’s grid when the user says so', async () => {
    const file = config('unplaced-too', [entry('plain')], [entry('unplaced')]);
    const { runDir } = await run(file, ['data.labelsOnImageGrid=true']);
    await evaluate({ runDir, set: [] }, quiet);
    const [first] = (await readResults(runDir)).cases;
    expect(first).toMatchObject({ labelOnImageGrid: true });
    expect(first!.classes[0]!.volume!.truth).toBeCloseTo(2.7, 6);
  });
});

describe('labels of 3D Slicer that are cut to what is labelled', () => {
  it('a .seg.nrrd with the extent of its reference image is trained and scored', async () => {
    const { data } = cut;
    const bytes = new Uint8Array(data.length);
    const [nx, ny, nz] = [14, 10, 10];
    // NRRD has the first axis fastest.
    for (let n = 0; n < bytes.length; n++)
      bytes[n] = data[((n % nx) * ny + (Math.floor(n / nx) % ny)) * nz + Math.floor(n / (nx * ny))]!;
    // RAS to LPS: the first two axes change their signs.
    const [x, y, z] = [-cut.affine[3]!, -cut.affine[7]!, cut.affine[11]!];
    const header = [
      'NRRD0004',
      'type: unsigned char',
      'dimension: 3',
      'space: left-posterior-superior',
      `sizes: ${nx} ${ny} ${nz}`,
      'space directions: (1.5,0,0) (0,-1.5,0) (0,0,2)',
      'kinds: domain domain domain',
      'encoding: raw',
      `space origin: (${x},${y},${z})`,
      'Segment0_ID:=left',
      'Segment0_LabelValue:=1',
      'Segment1_ID:=right',
      'Segment1_LabelValue:=2',
      'Segmentation_ReferenceImageExtentOffset:=4 5 4',
    ];
    writeFileSync(join(folder, 'slicer.seg.nrrd'), Buffer.concat([Buffer.from(`${header.join('\n')}\n\n`), bytes]));
    const slicer = { image: 'plain.nii.gz', label: 'slicer.seg.nrrd' };
    const { runDir } = await run(config('slicer', [slicer], [{ ...slicer, image: 'hair.nii.gz' }]));
    await evaluate({ runDir, set: [] }, quiet);
    const { classes } = (await readResults(runDir)).cases[0]!;
    expect(classes.map(({ volume }) => volume!.truth)).toEqual([2.7, 3.6].map((ml) => expect.closeTo(ml, 6)));
  });
});

describe('labels that tell of a part', () => {
  it('task.ignore: the voxels are in neither truth nor prediction', async () => {
    const { runDir } = await run(
      config('ignore', [entry('ignoring')], [entry('ignoring', { image: 'plain.nii.gz' })], { task: { ignore: 9 } }),
    );
    await evaluate({ runDir, set: [] }, quiet);
    const { classes } = (await readResults(runDir)).cases[0]!;
    const kept = (label: number): number => LABELS.ignoring!.data.filter((value) => value === label).length;
    expect(classes.map(({ volume }) => volume!.truth)).toEqual(
      [1, 2].map((label) => expect.closeTo((kept(label) * 4.5) / 1000, 6)),
    );
  });

  it('"labelled": only those classes are scored, and an unknown name is an error', async () => {
    const held = [entry('one', { labelled: ['left'] }), entry('hair')];
    const training = [entry('plain'), entry('half', { labelled: ['right'] })];
    const { runDir } = await run(config('partly', training, held));
    await evaluate({ runDir, set: [] }, quiet);
    const { cases, summary } = await readResults(runDir);
    expect(cases[0]!.classes[1]).toEqual({
      class: 2,
      name: 'right',
      scores: { dice: null, nsd: null, hd95: null, volumeError: null },
      labelled: false,
    });
    expect(summary!.classes.map(({ scores }) => scores.dice!.count)).toEqual([2, 1]);
    const wrong = config('wrong-name', [entry('plain'), entry('half', { labelled: ['rigth'] })], []);
    await expect(run(wrong)).rejects.toThrow(/"rigth" is no class of the task \(left, right\); did you mean "right"/);
  });
});

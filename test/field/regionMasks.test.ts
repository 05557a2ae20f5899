/** Anonymisation and anatomy masks as people have them: named by nnssl's list, by entries of a list, or in folders of their own. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from '../../src/cli/commands/check';
import { parseCommandLine } from '../../src/cli/command';
import { checkConfig } from '../../src/check/dataset';
import { loadConfig, type PretrainConfig } from '../../src/config';
import { lookAtData, resolveSources, type Case, type DataSource } from '../../src/data/datalist';
import { VolumeStore } from '../../src/data/volumeStore';
import { Answerer } from '../../src/answer/answerer';
import { cropPicture } from '../../src/preview/images';
import { CropPreviewer } from '../../src/preview/preview';
import { listCheckpoints, readSkipped } from '../../src/runs';
import { train } from '../../src/train';
import { flip, orient, writeNifti, type Volume } from '../../src/volume';
import { stepsOf, trainingDevice } from '../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-region-masks-'));
const at = (...parts: string[]): string => join(root, ...parts);
const quiet = (): void => undefined;
let device = '';

const SIZE = [36, 32, 56] as const;
/** A face in front (high y), and a brain away from the borders. */
const inFace = (_x: number, y: number, z: number): boolean => y >= 24 && z < 16;
const inBrain = (x: number, y: number, z: number): boolean =>
  x >= 12 && x < 18 && y >= 10 && y < 16 && z >= 28 && z < 34;

function image(value: (x: number, y: number, z: number) => number, type = Float32Array): Volume {
  const [nx, ny, nz] = SIZE;
  const data = new type(nx * ny * nz);
  for (let x = 0; x < nx; x++)
    for (let y = 0; y < ny; y++) for (let z = 0; z < nz; z++) data[(x * ny + y) * nz + z] = value(x, y, z);
  return {
    data,
    shape: [1, nx, ny, nz],
    affine: Float64Array.of(2, 0, 0, -30, 0, 2, 0, -20, 0, 0, 1.5, 10, 0, 0, 0, 1),
  };
}
const brightness = (seed: number) => (x: number, y: number, z: number) =>
  inFace(x, y, z) ? 0 : 200 + 90 * Math.sin((x + seed) / 3) * Math.cos(y / 4) + 3 * z;
const mask = (inside: (x: number, y: number, z: number) => boolean, value = 1): Volume =>
  image((x, y, z) => (inside(x, y, z) ? value : 0), Uint8Array as unknown as typeof Float32Array);

beforeAll(async () => {
  device = await trainingDevice();
  for (const folder of ['images', 'face', 'brain']) mkdirSync(at(folder));
  for (let n = 1; n <= 4; n++) {
    await writeNifti(at(`images/p${n}.nii.gz`), image(brightness(n)));
    // One is stored in another orientation, and one with 255 inside.
    const face = mask(inFace, n === 2 ? 255 : 1);
    await writeNifti(at(`face/p${n}_deface.nii.gz`), n === 1 ? orient(face, 'LPS') : face);
    await writeNifti(at(`brain/p${n}.nii.gz`), mask(inBrain));
  }
});
afterAll(() => rmSync(root, { recursive: true }));

type Names = readonly (readonly [face: string | null, brain: string | null])[];
const all: Names = [1, 2, 3, 4].map((n) => [`face/p${n}_deface.nii.gz`, `brain/p${n}.nii.gz`] as const);

/** nnssl's list of the images with these masks. */
function nnssl(name: string, masks: Names): string {
  const images = (n: number, [face, brain]: Names[number]) => [
    {
      name: `p${n}.nii.gz`,
      modality: 'T1w',
      image_info: {},
      image_path: `$REGION_DATA/images/p${n}.nii.gz`,
      associated_masks:
        face || brain
          ? {
              anonymization_mask: face && `$REGION_DATA/${face}`,
              anatomy_mask: brain && `$REGION_DATA/${brain}`,
            }
          : null,
    },
  ];
  const subjects = Object.fromEntries(
    masks.map((pair, i) => [
      `s${i + 1}`,
      { subject_id: `s${i + 1}`, sessions: { a: { images: images(i + 1, pair) } } },
    ]),
  );
  const file = at(`${name}.json`);
  process.env.REGION_DATA = root;
  writeFileSync(
    file,
    JSON.stringify({ collection_index: 7, collection_name: 'D', datasets: { site: { name: null, subjects } } }),
  );
  return file;
}

const casesOf = (source: DataSource): Promise<Case[]> => resolveSources([source], '/', { labels: false });
const named = (cases: readonly Case[]) =>
  cases.map(({ regionMasks = {} }) =>
    Object.entries(regionMasks).map(([key, file]) => `${key} ${basename(file as string)}`),
  );

const configOf = (source: object, change: object = {}) => ({
  kind: 'pretrain',
  name: 'masked',
  device,
  threads: 1,
  output: 'runs',
  data: {
    train: [source],
    preprocess: { spacing: null, intensity: { kind: 'zscore' }, foreground: null, resize: null },
    cache: { folder: 'cache' },
    workers: 0,
  },
  method: { name: 'mae', crop: [16, 16, 32], block: 8 },
  network: { name: 'unet3d', featureSize: 4 },
  schedule: { warmupSteps: 0 },
  train: { steps: 4, batch: 2, validateEvery: 9, checkpointEvery: 2, keepLast: 9 },
  ...change,
});
function write(name: string, config: object): string {
  const file = at(`${name}.voco.json`);
  writeFileSync(file, JSON.stringify(config));
  return file;
}
async function checked(name: string, source: object) {
  const file = write(name, configOf(source));
  return checkConfig((await loadConfig(file)).config, file, { depth: 'voxels', downstream: [] });
}

describe('where masks are named', () => {
  it('in nnssl’s list, image by image', async () => {
    const list = nnssl('some', [all[0]!, [null, all[1]![1]], [all[2]![0], null], [null, null]]);
    expect(named(await casesOf({ datalist: list }))).toEqual([
      ['anonymization p1_deface.nii.gz', 'anatomy p1.nii.gz'],
      ['anatomy p2.nii.gz'],
      ['anonymization p3_deface.nii.gz'],
      [],
    ]);
    expect((await lookAtData(list)).text).toBe("nnssl's list, 4 cases, 2 anonymisation masks, 2 anatomy masks");
  });

  it('in the entries of any other list, or in folders', async () => {
    const list = at('plain.json');
    const entries = [1, 2].map((n) => ({ image: `images/p${n}.nii.gz`, anatomy_mask: `brain/p${n}.nii.gz` }));
    writeFileSync(list, JSON.stringify({ training: entries }));
    const wanted = [['anatomy p1.nii.gz'], ['anatomy p2.nii.gz']];
    expect(named(await casesOf({ datalist: list }))).toEqual(wanted);
    expect(named(await casesOf({ datalist: list, regionMasks: { anatomy: null } }))).toEqual([[], []]);
    const folders = { anonymization: at('face'), anatomy: at('brain') };
    const both = await casesOf({ folder: at('images'), regionMasks: folders });
    expect(named(both)[2]).toEqual(['anonymization p3_deface.nii.gz', 'anatomy p3.nii.gz']);
    writeFileSync(list, JSON.stringify({ training: [{ image: 'images/p1.nii.gz', anatomy_mask: ['a', 'b'] }] }));
    await expect(casesOf({ datalist: list })).rejects.toThrow(/training\[0\]: "anatomy_mask" must be the path of one/);
    const mixed = [{ image: 'images/p1.nii.gz', anatomy_mask: ['a', 'b'] }, { image: 'images/p2.nii.gz' }];
    writeFileSync(list, JSON.stringify({ training: mixed }));
    const [bad, good] = await casesOf({ datalist: list });
    expect(bad!.problem!.message).toMatch(/must be the path of one mask/);
    expect(bad!.image).toBe(at('images/p1.nii.gz'));
    expect(good!.problem).toBeUndefined();
    await expect(casesOf({ folder: at('images'), regionMasks: { anatomy: at('none') } })).rejects.toThrow(
      /none: .*no such file or directory/,
    );
  });

  it('as paths in a config, relative to it, in pre-training alone', async () => {
    const file = write(
      'folders',
      configOf({ folder: 'images', regionMasks: { anatomy: 'brain', anonymization: null } }),
    );
    const { config } = (await loadConfig(file)) as { config: PretrainConfig };
    expect(config.data.train[0]!.regionMasks).toEqual({ anatomy: at('brain'), anonymization: null });
    const wrong = write('wrong', configOf({ folder: 'images', regionMasks: { brain: 'brain' } }));
    await expect(loadConfig(wrong)).rejects.toThrow(/regionMasks.*brain/);
  });
});

describe('a case whose mask cannot be used', () => {
  const findings = async (name: string, masks: Names) => {
    const { findings: found, bad, regionMasks } = await checked(name, { datalist: nnssl(name, masks) });
    const errors = found.filter(({ severity }) => severity === 'error');
    return { errors: errors.map(({ file, message }) => `${basename(file)}: ${message}`), bad, regionMasks };
  };
  const with4 = (last: Names[number]): Names => [...all.slice(0, 3), last];

  it('is told, and no other case is', async () => {
    await writeNifti(
      at('brain/none.nii.gz'),
      mask(() => false),
    );
    await writeNifti(
      at('brain/two.nii.gz'),
      image((x) => x % 3),
    );
    await writeNifti(
      at('brain/real.nii.gz'),
      image((x) => x / 7),
    );
    await writeNifti(
      at('brain/nan.nii.gz'),
      image((x, y, z) => (x + y + z === 0 ? NaN : Number(inBrain(x, y, z)))),
    );
    await writeNifti(
      at('face/everything.nii.gz'),
      mask(() => true),
    );
    const small = mask(inBrain);
    const away = { ...small, affine: small.affine.map((value, i) => (i === 3 ? value + 50 : value)) };
    await writeNifti(at('brain/away.nii.gz'), away);
    // A part of the image's lattice, and beyond its end.
    const off: Volume = {
      data: new Uint8Array(36 * 32 * 20).fill(1),
      shape: [1, 36, 32, 20],
      affine: small.affine.map((value, i) => (i === 11 ? value + 40 * 1.5 : value)),
    };
    await writeNifti(at('brain/outside.nii.gz'), off);
    for (const [name, pair, said] of [
      ['absent', [null, 'brain/nowhere.nii.gz'], /^nowhere\.nii\.gz: .*no such file/],
      ['emptied', [null, 'brain/none.nii.gz'], /^none\.nii\.gz: marks no voxel/],
      ['values', [null, 'brain/two.nii.gz'], /^two\.nii\.gz: holds other values than a mask \(1, 2/],
      ['reals', [null, 'brain/real.nii.gz'], /^real\.nii\.gz: holds other values than a mask/],
      ['nan', [null, 'brain/nan.nii.gz'], /^nan\.nii\.gz: 1 voxel is NaN or infinite/],
      ['whole', ['face/everything.nii.gz', null], /^everything\.nii\.gz: marks its whole image/],
      ['outside', [null, 'brain/outside.nii.gz'], /^outside\.nii\.gz: marks 4,608 voxels outside of its image/],
      [
        'elsewhere',
        [null, 'brain/away.nii.gz'],
        /^away\.nii\.gz: (lies|covers) .*[Tt]he mask|^away\.nii\.gz: marks no/,
      ],
    ] as const) {
      const { errors, bad } = await findings(name, with4(pair));
      expect(errors, name).toHaveLength(1);
      expect(errors[0], name).toMatch(said);
      expect(
        bad.map(({ item }) => item.id),
        name,
      ).toEqual(['site__s4__a__p4']);
    }
    expect(await findings('fine', all)).toEqual({
      errors: [],
      bad: [],
      regionMasks: ['4 anonymisation masks', '4 anatomy masks'],
    });
  });

  it('stops a run before its first step, or is left out', async () => {
    const source = { datalist: nnssl('run', with4(['face/p4_deface.nii.gz', 'brain/nowhere.nii.gz'])) };
    const file = write('run', configOf(source));
    const start = (set: string[]) => train('pretrain', { configFile: file, resume: false, set }, quiet);
    await expect(start([])).rejects.toThrow(/nowhere\.nii\.gz: .*; or set data\.onBadCase to "skip"/);
    const { runDir } = await start(['data.onBadCase=skip']);
    expect((await readSkipped(runDir)).map(({ image: one }) => basename(one))).toEqual(['p4.nii.gz']);
    // What only its voxels show is found when it is first loaded.
    const late = write('late', configOf({ datalist: nnssl('late', with4([null, 'brain/two.nii.gz'])) }));
    const run = train('pretrain', { configFile: late, resume: false, set: [] }, quiet);
    await expect(run).rejects.toThrow(/two\.nii\.gz: holds other values than a mask/);
  });

  it('of a folder is named with what was looked for', async () => {
    mkdirSync(at('fewer'));
    await writeNifti(at('fewer/p1.nii.gz'), mask(inBrain));
    const { findings: found, bad } = await checked('fewer', { folder: 'images', regionMasks: { anatomy: 'fewer' } });
    expect(bad).toHaveLength(3);
    expect(found.find(({ file }) => file.endsWith('p2.nii.gz'))!.message).toMatch(
      /has no anatomy mask in .*fewer: none is called p2/,
    );
  });
});

describe('masks go with their image', () => {
  const preprocess = {
    orientation: 'LAS',
    spacing: [1.5, 2, 2],
    intensity: { kind: 'zscore', nonzero: false },
    foreground: { threshold: -1.2 },
    resize: [48, 40, 32],
  } as const;

  it('through orientation, spacing, foreground and resizing, from the cache as well', async () => {
    const [first, second] = await casesOf({ datalist: nnssl('steps', all) });
    // The same marks as an image of their own, so that they pass the very steps of an image.
    const settings = { preprocess, channel: 0, memoryBytes: 0, cacheFolder: at('cache-steps') } as const;
    const fresh = await new VolumeStore({ ...settings, cacheFolder: null }).load(first!);
    const store = new VolumeStore(settings);
    await store.load({ image: first!.image });
    const made = await store.load(first!);
    const again = await new VolumeStore(settings).load(first!);
    for (const one of [made, again]) {
      expect(one.anonymized).toEqual(fresh.anonymized);
      expect(one.anatomy!.mask).toEqual(fresh.anatomy!.mask);
      expect(one.data).toEqual(fresh.data);
    }
    expect(fresh.anonymized).toHaveLength(48 * 40 * 32);
    // The face was blanked: its voxels are the darkest ones of the volume, but for blending at the rim.
    const dark = fresh.data.map((value) => (value < -1 ? 1 : 0));
    const agree = (other: ArrayLike<number>): number =>
      dark.reduce((sum, value, i) => sum + (value === other[i] ? 1 : 0), 0) / dark.length;
    expect(agree(fresh.anonymized!)).toBeGreaterThan(0.95);
    const marked = { ...fresh, data: fresh.anonymized! };
    for (const axis of [1, 2] as const) expect(agree(flip(marked, axis).data)).toBeLessThan(0.9);
    expect(dark.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(3000);
    // A mask with 255 inside marks the same as one with 1.
    expect((await store.load(second!)).anonymized!.some((value) => value > 1)).toBe(false);
  });

  it('a run sees them, exactly again after a kill, and the preview shows the very crops', async () => {
    const file = write('seen', configOf({ datalist: nnssl('seen', all) }));
    const start = (name: string, set: string[]) =>
      train('pretrain', { configFile: file, runDir: at(name), resume: false, set }, quiet);
    await start('seen-whole', []);
    const blind = write(
      'blind',
      configOf({ datalist: at('seen.json'), regionMasks: { anonymization: null, anatomy: null } }),
    );
    await train('pretrain', { configFile: blind, runDir: at('seen-blind'), resume: false, set: [] }, quiet);
    const losses = async (name: string) => (await stepsOf(at(name))).map(({ loss }) => loss);
    expect(await losses('seen-whole')).not.toEqual(await losses('seen-blind'));
    cpSync(at('seen-whole'), at('seen-killed'), { recursive: true });
    const { checkpoints } = await listCheckpoints(at('seen-killed'));
    unlinkSync(checkpoints.at(-1)!.file);
    await train('pretrain', { runDir: at('seen-killed'), resume: true, set: [] }, quiet);
    expect(await stepsOf(at('seen-killed'))).toEqual(await stepsOf(at('seen-whole')));

    const request = {
      choice: { kind: 'random', index: 0 },
      draw: 0,
      augment: { flip: true, rotate: true, shift: true },
    } as const;
    const answerer = new Answerer();
    for (let caseIndex = 0; caseIndex < 4; caseIndex++) {
      const previewer = new CropPreviewer();
      const answer = await previewer.preview(JSON.stringify(configOf({ datalist: at('seen.json') })), file, {
        caseIndex,
        crop: request,
      });
      if ('problems' in answer) throw new Error(answer.problems.join());
      const { start: from, size } = answer.crop.box;
      const centre = from.map((low, axis) => low + size[axis]! / 2) as [number, number, number];
      expect(inBrain(...centre)).toBe(true);
      // A network is asked about that crop: where nothing was asked, its answer shows what went in.
      const question = previewer.question(request);
      const given = await answerer.answer({ checkpoint: checkpoints[0]!.file, ...question });
      const [part] = given.parts;
      if (part?.kind !== 'image') throw new Error('no image');
      const { images, asked } = cropPicture(part.image, given.size, question.range);
      expect(asked).toEqual(answer.crop.asked[0]!.asked);
      images.forEach(({ data }, slice) => {
        const [seen, counts] = [answer.crop.goesIn[0]!.images[slice]!.data, asked![slice]!.data];
        expect([...data].filter((_, i) => !counts[i])).toEqual([...seen].filter((_, i) => !counts[i]));
      });
    }
    answerer.dispose();
  });

  it('voco check says how many cases have masks', async () => {
    const file = write('told', configOf({ datalist: nnssl('told', [...all.slice(0, 2), [null, null], [null, null]]) }));
    const written: string[] = [];
    const { write: own } = process.stdout;
    process.stdout.write = ((text: string) => written.push(text) > 0) as typeof process.stdout.write;
    try {
      await check.run(parseCommandLine(check, [file]));
    } finally {
      process.stdout.write = own;
    }
    expect(written.join('')).toContain('4 volumes, 2 anonymisation masks, 2 anatomy masks checked: ');
  });
});

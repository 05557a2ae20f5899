import { cpSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkConfig } from '../../src/check/dataset';
import { diagnose, loadConfig } from '../../src/config';
import { channelFor, heldChannels, oneChannel } from '../../src/data/channels';
import { resolveSources } from '../../src/data/datalist';
import { LabelledStore, makeLabelCodes } from '../../src/data/labelled';
import { VolumeStore } from '../../src/data/volumeStore';
import { segment } from '../../src/evaluate/segment';
import { networkDescriptors } from '../../src/nets/descriptors';
import { pretextDescriptors } from '../../src/pretext/descriptors';
import { CropPreviewer } from '../../src/preview/preview';
import { latestCheckpoint, listCheckpoints, readInitReport } from '../../src/runs';
import { train } from '../../src/train';
import { readVolume } from '../../src/volume';
import { makeMri } from '../support/mri';
import { smallTasks } from '../support/pretextTasks';
import { differingTensors, stepsOf, trainingDevice } from '../support/trainer';

/** MRI of several sequences, of which some cases lack one. */
const root = mkdtempSync(join(tmpdir(), 'voco-mri-'));
const at = (name: string): string => join(root, name);
const quiet = (): void => undefined;
let device: string;

beforeAll(async () => {
  await makeMri(at('heads'), { cases: 4, missing: { 2: [1], 3: [0, 3] } });
  device = await trainingDevice();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const preprocess = {
  orientation: 'RAS',
  spacing: null,
  intensity: { kind: 'zscore', nonzero: true },
  foreground: { threshold: 'nonzero' },
  resize: null,
} as const;

const listed = (options: object) =>
  resolveSources([{ folder: at('heads') }], '/', { labels: true, channel: 'all', ...options });

describe('cases without one of the sequences', () => {
  it('stop with the channel by its name, or say which channels are 0', async () => {
    await expect(listed({})).rejects.toThrow(
      /the case head_2 has no file of channel 1 \(T1w\); data\.missingChannels "zero" fills it with zeros/,
    );
    const cases = await listed({ missingChannels: 'zero' });
    expect(cases.map(({ id, missing, image }) => [id, missing, [image].flat().length])).toEqual([
      ['head_1', undefined, 4],
      ['head_2', [1], 3],
      ['head_3', [0, 3], 2],
      ['head_4', undefined, 4],
    ]);
    // Crops that show one channel each take what is there.
    const left = await listed({ channel: 'random' });
    expect(left.map(({ missing, image }) => [missing, [image].flat().length])).toEqual([
      [undefined, 4],
      [undefined, 3],
      [undefined, 2],
      [undefined, 4],
    ]);
  });

  it('are named null or empty in lists', async () => {
    const image = (n: number, c: number): string => `heads/imagesTr/head_${n}_000${c}.nii.gz`;
    const entries = [
      { image: [image(2, 0), null, image(2, 2), image(2, 3)], label: 'heads/labelsTr/head_2.nii.gz' },
      { image: ['', image(3, 1), image(3, 2), ''], label: 'heads/labelsTr/head_3.nii.gz' },
    ];
    writeFileSync(at('list.json'), JSON.stringify({ training: entries }));
    const options = { labels: true, channel: 'all', missingChannels: 'zero' } as const;
    const cases = await resolveSources([{ datalist: at('list.json') }], '/', options);
    expect(cases.map(({ missing }) => missing)).toEqual([[1], [0, 3]]);
    writeFileSync(at('none.json'), JSON.stringify({ training: [{ image: [null, ''], label: 'x.nii.gz' }] }));
    await expect(resolveSources([{ datalist: at('none.json') }], '/', options)).rejects.toThrow(
      /training\[0\]: "image" must be a path or a list of paths/,
    );
  });

  it('are 0 in those channels after preprocessing, with and without labels, from the cache as well', async () => {
    const [, , item] = await listed({ missingChannels: 'zero' });
    const settings = { preprocess, channel: 'all', cacheFolder: at('cache-zero'), memoryBytes: 0 } as const;
    const codes = makeLabelCodes([{ name: 'rim', values: [1] }, { name: 'core', values: [2] }], false, { unlisted: 'error', ignore: null }); // prettier-ignore
    const labelled = { ...settings, codes, onImageGrid: false, padTo: null };
    for (const volume of [
      await new VolumeStore(settings).load(item!),
      await new VolumeStore(settings).load(item!),
      (await new LabelledStore(labelled).load(item!)).image,
      (await new LabelledStore(labelled).load(item!)).image,
    ]) {
      expect(volume.shape[0]).toBe(4);
      expect(heldChannels(volume)).toEqual([1, 2]);
      for (const c of [0, 3]) expect(oneChannel(volume, c).data.every((value) => value === 0)).toBe(true);
    }
    const present = await new VolumeStore(settings).load({ image: item!.image });
    expect(present.shape[0]).toBe(2);
  });
});

const config = (method: object, more: { data?: object; train?: object; network?: object } = {}) => ({
  kind: 'pretrain',
  name: 'heads',
  seed: 3,
  device,
  threads: 1,
  output: 'runs',
  data: {
    train: [{ folder: 'heads' }],
    channel: 'random',
    preprocess,
    cache: { folder: 'cache' },
    workers: 0,
    ...more.data,
  },
  method,
  network: { name: 'unet3d', featureSize: 4, ...more.network },
  optimizer: { lr: 0.001 },
  schedule: { name: 'constant' },
  train: { steps: 4, batch: 2, checkpointEvery: 2, keepLast: 9, ...more.train },
});

/** The small U-Net, or what learns a task that it cannot. */
function networkFor(name: string): { network?: object } {
  const networks: readonly string[] =
    name === 'voco' ? ['unet3d'] : smallTasks[name as keyof typeof smallTasks].networks;
  return networks.includes('unet3d') ? {} : { network: { name: networks[0], featureSize: 12 } };
}

function write(name: string, content: object): string {
  const file = at(`${name}.voco.json`);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

describe('another channel for each crop', () => {
  it('is drawn from those that hold an image, all of them, by the seed', () => {
    const data = new Float32Array(4 * 8).map((_, i) => (i < 8 || i >= 24 ? i + 1 : 0));
    const volume = { data, shape: [4, 2, 2, 2] as const, affine: new Float64Array(16) };
    const drawn = Array.from({ length: 40 }, (_, n) => channelFor(volume, { randomChannel: true }, [1, n]).channel);
    expect(new Set(drawn)).toEqual(new Set([0, 3]));
    expect(drawn).toEqual(
      Array.from({ length: 40 }, (_, n) => channelFor(volume, { randomChannel: true }, [1, n]).channel),
    );
    expect(channelFor(volume, {}, [1, 1]).volume).toBe(volume);
  });

  it('needs a network of one channel, and is no setting of a fine-tuning', () => {
    const said = (one: object) => diagnose(JSON.stringify(one), 'f').map(({ path, message }) => `${path}: ${message}`);
    expect(said(config({ name: 'mae' }, { network: { inChannels: 4 } }))).toContainEqual(
      'network.inChannels: each crop shows one channel (data.channel "random"), but the network wants 4',
    );
    const finetune = { kind: 'finetune', data: { train: [{ folder: 'heads' }], channel: 'random' } };
    expect(said(finetune)).toContainEqual(
      expect.stringMatching(/^data\.channel: must be a channel number from 0 or "all"/),
    );
  });

  const voco = {
    name: 'voco',
    grid: [2, 2, 1],
    crop: [16, 16, 24],
    input: [16, 16, 32],
    projector: { hidden: 16, out: 16 },
  };
  const position = { name: 'position', grid: [2, 2, 1], crop: [16, 16, 32], cropMm: [32, 32, 32] };
  const small: Record<string, object> = Object.fromEntries(
    Object.values(smallTasks).map(({ method }) => [method.name, method]),
  );
  const methods: Record<string, object> = { ...small, voco, position };

  it.each(pretextDescriptors.all.map(({ name }) => name))(
    'teaches %s, and goes on after a kill alike',
    async (name) => {
      const own = methods[name] as { readonly augment?: object };
      const augment = { ...own.augment, intensity: { biasField: 0.5, gamma: 0.5 } };
      const file = write(`random-${name}`, config({ ...own, augment }, networkFor(name)));
      const begin = (runDir: string, set: string[] = []) =>
        train('pretrain', { configFile: file, runDir: at(runDir), resume: false, set }, quiet);
      const { runDir } = await begin(`run-${name}`);
      const wanted = await stepsOf(runDir);
      expect(wanted).toHaveLength(4);
      expect(wanted.every(({ loss }) => Number.isFinite(loss))).toBe(true);
      const copy = `${runDir}-killed`;
      cpSync(runDir, copy, { recursive: true });
      for (const { file: checkpoint, step } of (await listCheckpoints(copy)).checkpoints)
        if (step > 2) unlinkSync(checkpoint);
      await train('pretrain', { runDir: copy, resume: true, set: [] }, quiet);
      expect(await stepsOf(copy)).toEqual(wanted);
      const [last, again] = [(await latestCheckpoint(runDir))!, (await latestCheckpoint(copy))!];
      expect(await differingTensors(last.file, again.file)).toEqual([]);
    },
  );

  it('is what the preview shows, and says which', async () => {
    const request = {
      choice: { kind: 'random', index: 0 },
      augment: { flip: true, rotate: true, shift: true },
    } as const;
    for (const name of ['mae', 'voco'] as const) {
      const content = config(methods[name]!, networkFor(name));
      const file = write(`preview-${name}`, content);
      const words: string[] = [];
      for (let draw = 0; draw < 6; draw++) {
        const look = { caseIndex: 1, crop: { ...request, draw } };
        const answer = await new CropPreviewer().preview(JSON.stringify(content), file, look);
        if ('problems' in answer) throw new Error(answer.problems.join());
        expect(answer.crop.goesIn[0]!.images).toHaveLength(3);
        words.push(/channel (\d)/.exec(answer.crop.augmentation)?.[1] ?? 'none');
      }
      // The second case lacks channel 1; its others are counted from 0.
      expect(words.every((word) => ['0', '1', '2'].includes(word))).toBe(true);
      expect(new Set(words).size).toBeGreaterThan(1);
    }
  });
});

describe('fine-tuning on several sequences', () => {
  const finetune = (more: object = {}) => ({
    kind: 'finetune',
    name: 'tumour',
    seed: 1,
    device,
    threads: 1,
    output: 'runs',
    task: {
      name: 'custom',
      classes: [
        { name: 'rim', values: [1] },
        { name: 'core', values: [2] },
      ],
    },
    data: {
      train: [{ folder: 'heads' }],
      channel: 'all',
      missingChannels: 'zero',
      preprocess,
      cache: { folder: 'cache' },
    },
    crops: { size: [32, 32, 32], perVolume: 1 },
    augment: { intensity: { biasField: 0.3, gamma: 0.3 }, dropChannel: 0.2 },
    network: { name: 'unet3d', featureSize: 4, inChannels: 4 },
    train: { steps: 3, batch: 2, validateEvery: 9, checkpointEvery: 2, keepLast: 9 },
    ...more,
  });

  it('spreads the first kernels of one channel, bears missing ones, resumes exactly, and segments without one', async () => {
    const checkpoint = (await latestCheckpoint(at('run-mae')))!.file;
    const file = write('tumour', finetune({ init: { checkpoint } }));
    const { runDir } = await train(
      'finetune',
      { configFile: file, runDir: at('tumour'), resume: false, set: [] },
      quiet,
    );
    const report = (await readInitReport(runDir))!;
    expect(JSON.stringify(report)).toContain(
      'the weights are for 1 input channel, network.inChannels is 4: kernels of the first layer are repeated for each channel and divided by 4',
    );
    expect(report.missing.filter((name) => networkDescriptors.get('unet3d').stateDict.encoder.test(name))).toEqual([]);
    const copy = `${runDir}-killed`;
    cpSync(runDir, copy, { recursive: true });
    for (const { file: one, step } of (await listCheckpoints(copy)).checkpoints) if (step > 2) unlinkSync(one);
    await train('finetune', { runDir: copy, resume: true, set: [] }, quiet);
    expect(await stepsOf(copy)).toEqual(await stepsOf(runDir));
    const last = (await latestCheckpoint(runDir))!.file;
    expect(await differingTensors(last, (await latestCheckpoint(copy))!.file)).toEqual([]);

    const image = (c: number): string => at(`heads/imagesTr/head_2_000${c}.nii.gz`);
    const request = { checkpoint: last, out: at('out.nii.gz'), present: 'replace' } as const;
    const parts = `${image(0)},,${image(2)},${image(3)}`;
    const { files } = await segment({ ...request, images: [parts] }, quiet);
    expect((await readVolume(files[0]!, { channel: 0 })).volume.shape).toEqual([1, 40, 44, 36]);
    await expect(segment({ ...request, images: [parts], set: ['data.missingChannels=stop'] }, quiet)).rejects.toThrow(
      /no file is named for channel 1; --set data\.missingChannels=zero fills with zeros/,
    );
    for (const none of ['', ',', ',,,'])
      await expect(segment({ ...request, images: [none] }, quiet)).rejects.toThrow(
        `"${none}" names no file of an image`,
      );
    await expect(segment({ ...request, images: [parts.replace(',,', ',')] }, quiet)).rejects.toThrow(
      /has 3 channels, the network takes 4/,
    );
  });

  it('is checked before: what is filled is told, what lacks is an error', async () => {
    const said = async (content: object): Promise<string[]> => {
      const file = write('checked', content);
      const { config: loaded } = await loadConfig(file);
      const { findings } = await checkConfig(loaded, file, { depth: 'headers', downstream: [] });
      return findings.map(({ severity, message }) => `${severity}: ${message}`);
    };
    const zero = await said(finetune());
    expect(zero).toContainEqual('warning: the case has no file of channel 1, which is filled with zeros');
    expect(zero).toContainEqual('warning: the case has no file of channels 0 and 3, which are filled with zeros');
    expect(zero.filter((line) => line.startsWith('error'))).toEqual([]);
    const data = { ...finetune().data, missingChannels: 'stop' };
    expect(await said(finetune({ data }))).toContainEqual(
      expect.stringMatching(/^error: .*no file of channel 1 \(T1w\)/),
    );
    const random = await said(config({ name: 'mae', crop: [32, 32, 32] }));
    expect(random.filter((line) => line.startsWith('error'))).toEqual([]);
  });
});

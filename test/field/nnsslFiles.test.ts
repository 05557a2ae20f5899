// Checkpoints of nnssl and nnU-Net: their plans, and the order of axes of their kernels. The released files cannot be had where
// these tests run: the files here are made with the keys and shapes that nnssl's code writes.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { importFile } from '../../src/convert/importFile';
import { initializeFrom } from '../../src/convert/initialize';
import { createSegmenter, type NetworkConfig } from '../../src/nets';
import { readWeights } from '../../src/convert/read';
import { readSafetensorsHeader } from '../../src/runs';
import { useBackend } from '../support/backends';
import { counted, nnsslPlan, saveTorch, stateOf, TorchStateDict, type TorchValue } from '../support/torchCheckpoint';
import { temporaryFolder } from '../unit/runs/support';

beforeAll(() => useBackend('cpu'));

const section: NetworkConfig = { name: 'unet3d', featureSize: 4, inChannels: 1 };
const unet = () => createSegmenter(section, 2, { seed: 0 });
const { layout } = createSegmenter(section, 2, { seed: 0, describeOnly: true }).parameters;

async function saved(value: TorchValue, name = 'checkpoint_final.pth'): Promise<string> {
  const file = join(temporaryFolder(), name);
  await saveTorch(file, value);
  return file;
}

const imported = (file: string) => importFile({ file, out: join(dirname(file), 'out.safetensors') });
const kernel = layout.find(({ shape }) => shape.length === 5 && shape[2]! > 1)!;

/** The numbers of an imported tensor. */
async function numbersOf(file: string, name: string): Promise<number[]> {
  const { entries } = await readWeights(file);
  return [...entries.find((entry) => entry.name === name)!.data];
}

describe('the plan of a checkpoint', () => {
  test('is told, with what a config must do for the weights', async () => {
    const anisotropic = { spacing: [3, 0.9, 0.8], patch_size: [32, 160, 128] };
    const plan = nnsslPlan({ configuration: anisotropic });
    const { report, lines } = await imported(
      await saved({ network_weights: stateOf(layout), nnssl_adaptation_plan: plan, trainer_name: 'BaseMAETrainer' }),
    );
    expect(report.plan).toBe(
      'plan of nnssl: ResEncL, BaseMAETrainer, Dataset745_OpenMind, configuration onemmiso, patch 128×160×32, spacing 0.8×0.9×3 mm',
    );
    expect(report.prepare).toEqual({
      preprocess: {
        orientation: null,
        spacing: [0.8, 0.9, 3],
        intensity: { kind: 'zscore', nonzero: false },
        foreground: { threshold: 'nonzero' },
        resize: null,
      },
      size: [128, 160, 32],
      notes: [],
    });
    expect(lines.join('\n')).toContain(
      'prepare images as these weights have seen them: data.preprocess {"orientation": null, "spacing": [0.8, 0.9, 3]',
    );
    const { metadata } = await readSafetensorsHeader(report.out);
    expect(JSON.parse(metadata.prepare!)).toEqual(report.prepare);
    expect(JSON.parse(metadata.adaptation_plan!)).toEqual(plan);
  });

  test.each<[string, Record<string, TorchValue>, unknown]>([
    ['images that were not resampled', { spacing: null }, { spacing: null }],
    ['z-scores of what is not 0', { use_mask_for_norm: [true] }, { intensity: { kind: 'zscore', nonzero: true } }],
    ['no scaling', { normalization_schemes: ['NoNormalization'] }, { intensity: null }],
    ['the range of an image', { normalization_schemes: ['RescaleTo01Normalization'] }, { intensity: { kind: 'percentile', low: 0, high: 100, nonzero: false, to: [0, 1], clip: true } }],
  ])('tells %s', async (_what, configuration, preprocess) => {
    const file = await saved({ network_weights: stateOf(layout), nnssl_adaptation_plan: nnsslPlan({ configuration }) });
    expect((await imported(file)).report.prepare!.preprocess).toMatchObject(preprocess as object);
  }); // prettier-ignore

  test.each<[string, string[], string]>([
    ['a scheme that nobody knows', ['HouseNormalization'], 'the plan scales intensities with HouseNormalization and does not say its numbers'],
    ['schemes that differ', ['ZScoreNormalization', 'NoNormalization'], 'its channels were scaled in different ways (ZScoreNormalization and NoNormalization), which a config cannot say'],
  ])('says that a config cannot say %s', async (_what, schemes, note) => {
    const plan = nnsslPlan({ configuration: { normalization_schemes: schemes } });
    const { report } = await imported(await saved({ network_weights: stateOf(layout), nnssl_adaptation_plan: plan }));
    expect(report.prepare!.notes).toEqual([note]);
    expect(report.prepare!.preprocess).not.toHaveProperty('intensity');
  }); // prettier-ignore

  test('of nnU-Net tells the window of its CT scheme', async () => {
    const plans = {
      dataset_name: 'Dataset003_Liver',
      transpose_forward: [0, 1, 2],
      foreground_intensity_properties_per_channel: {
        '0': { percentile_00_5: -100, percentile_99_5: 300, mean: 100, std: 50 },
      },
      configurations: {
        '3d_fullres': { patch_size: [128, 128, 128], spacing: [1, 0.8, 0.8], normalization_schemes: ['CTNormalization'], use_mask_for_norm: [false] },
      },
    }; // prettier-ignore
    const file = await saved({ network_weights: stateOf(layout), init_args: { plans, configuration: '3d_fullres' } });
    const { report } = await imported(file);
    expect(report.prepare!.preprocess).toMatchObject({
      spacing: [0.8, 0.8, 1],
      intensity: { kind: 'window', low: -100, high: 300, to: [-4, 4], clip: true },
    });
  });

  test('lies beside a checkpoint that has none, as of nnssl’s SparK', async () => {
    const file = await saved({ network_weights: stateOf(layout), trainer_name: 'SparkMAETrainer_BS8' });
    expect((await imported(file)).report.prepare).toBeUndefined();
    writeFileSync(join(dirname(file), 'adaptation_plan.json'), JSON.stringify(nnsslPlan()));
    const { report } = await importFile({ file, out: join(dirname(file), 'b.safetensors') });
    expect(report.plan).toMatch(/^plan of nnssl: ResEncL, SparkMAETrainer_BS8, Dataset745_OpenMind/);
  });

  test('that is damaged is an error that names its file', async () => {
    const file = await saved({ network_weights: stateOf(layout) });
    const beside = join(dirname(file), 'adaptation_plan.json');
    writeFileSync(beside, '{"pretrain_plan": ');
    await expect(imported(file)).rejects.toThrow(
      new RegExp(`^${beside}: is no JSON .*repair the plan of .*or move it away`),
    );
  });

  test.each<[TorchValue]>([[[0, 1]], [[0, 0, 1]], [[1, 2, 3]], ['zyx']])('with axes %j is refused', async (axes) => {
    const plan = nnsslPlan({ plan: { transpose_forward: axes } });
    const file = await saved({ network_weights: stateOf(layout), nnssl_adaptation_plan: plan });
    await expect(imported(file)).rejects.toThrow(/the plan in it says transpose_forward .*no order of three axes/);
  });
});

describe('kernels of nnssl see the axes z, y, x', () => {
  /** The number of our kernel at x, y, z stands in theirs at the places of these axes. */
  const ours = (values: readonly number[], order: (x: number, y: number, z: number) => [number, number, number]) => {
    const [a, b, c] = kernel.shape.slice(2) as [number, number, number];
    const taps = a * b * c;
    const result: number[] = [];
    for (let start = 0; start < values.length; start += taps)
      for (let x = 0; x < a; x++)
        for (let y = 0; y < b; y++)
          for (let z = 0; z < c; z++) {
            const [i, j, k] = order(x, y, z);
            result.push(values[start + (i * b + j) * c + k]!);
          }
    return result;
  };
  const written = async (): Promise<number[]> => {
    const bytes = await counted(kernel, layout.indexOf(kernel)).read();
    return [...new Float32Array(bytes.buffer)];
  };

  test.each<[string, number[] | undefined, (x: number, y: number, z: number) => [number, number, number]]>([
    ['no plan', undefined, (x, y, z) => [z, y, x]],
    ['no transposition', [0, 1, 2], (x, y, z) => [z, y, x]],
    ['x first', [2, 0, 1], (x, y, z) => [x, z, y]],
    ['y first', [1, 0, 2], (x, y, z) => [y, z, x]],
  ])('%s', async (_what, axes, order) => {
    const plan = axes && nnsslPlan({ plan: { transpose_forward: axes } });
    const file = await saved({ network_weights: stateOf(layout), ...(plan && { nnssl_adaptation_plan: plan }) });
    const { report, lines } = await imported(file);
    expect(await numbersOf(report.out, kernel.name)).toEqual(ours(await written(), order));
    expect(lines.join('\n')).toMatch(
      /axes of kernels and positions brought to x, y, z \(those of its arrays are .*\): \d+ tensors/,
    );
  });

  test('a file that is not theirs is left as it is', async () => {
    const { report } = await imported(await saved({ state_dict: stateOf(layout) }));
    expect(await numbersOf(report.out, kernel.name)).toEqual(await written());
  });

  test('a network that is none of ours is left as it is', async () => {
    const foreign = { name: 'conv_blocks_context.0.blocks.0.conv.weight', shape: [1, 1, 1, 2, 3] };
    const { report } = await imported(await saved({ network_weights: stateOf([foreign]) }));
    expect((await readSafetensorsHeader(report.out)).tensors.get(foreign.name)!.shape).toEqual([1, 1, 1, 2, 3]);
  });
});

describe('a fine-tuning from an imported file', () => {
  const weights = async (): Promise<string> => {
    const file = await saved({ network_weights: stateOf(layout), nnssl_adaptation_plan: nnsslPlan() });
    return (await imported(file)).report.out;
  };

  test('is told where its images are prepared otherwise', async () => {
    const network = unet();
    const preprocess = { orientation: 'RAS', spacing: [1.5, 1.5, 1.5], intensity: { kind: 'zscore', nonzero: true }, foreground: { threshold: 'nonzero' }, resize: null }; // prettier-ignore
    const { notes } = await initializeFrom(await weights(), network.parameters, { branch: 'student', preprocess });
    expect(notes).toContain(
      'the weights have learned from images prepared otherwise: data.preprocess.spacing was [1, 1, 1], and is [1.5, 1.5, 1.5]; ' +
        'data.preprocess.intensity was {"kind": "zscore", "nonzero": false}, and is {"kind": "zscore", "nonzero": true}',
    );
    network.dispose();
  });

  test.each(['repeat', 'random'] as const)('of more channels: %s', async (inputChannels) => {
    const wide = createSegmenter({ ...section, inChannels: 4 }, 2, { seed: 0 });
    const options = { branch: 'student', network: { ...section, inChannels: 4 }, inputChannels } as const;
    const { adapted, shapeMismatch, notes } = await initializeFrom(await weights(), wide.parameters, options);
    const [first] = layout;
    expect(adapted).toEqual(inputChannels === 'repeat' ? [first!.name] : []);
    expect(shapeMismatch.map(({ name }) => name)).toEqual(inputChannels === 'random' ? [first!.name] : []);
    expect(notes!.join('\n')).toContain(
      inputChannels === 'repeat'
        ? 'repeated for each channel and divided by 4 (init.inputChannels)'
        : 'the first layer starts with random weights (init.inputChannels)',
    );
    wide.dispose();
  });
});

test('a file with a state dict, a half, nothing and a truth in it is read whole', async () => {
  const file = await saved({
    network_weights: new TorchStateDict([]),
    loss: 0.5,
    none: null,
    done: true,
    inner: { weights: stateOf(layout) },
  });
  const { report } = await imported(file);
  expect(report.wrapper).toBe('inner.weights');
  expect(report.beside.map(({ name }) => name)).toEqual(expect.arrayContaining(['loss', 'none', 'done']));
});

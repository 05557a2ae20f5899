import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { presetConfig, presetsFrom, type Config, type PresetName } from '../../../src/config';
import { check } from '../../../src/config/diagnose';
import { readStart } from '../../../src/convert/start';
import { createSegmenter } from '../../../src/nets';
import { networkDescriptors } from '../../../src/nets/descriptors';
import { writeSafetensors } from '../../../src/runs';
import { useBackend } from '../../support/backends';

/** What a fine-tuning takes over of a checkpoint: network, crops, and how images are prepared. */
const folder = mkdtempSync(join(tmpdir(), 'voco-start-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => useBackend('cpu'));

const unet = { name: 'unet3d', featureSize: 4 };

/** Weights of a network under a prefix, with texts beside them. */
async function weights(name: string, network: object, metadata: Record<string, string>, prefix = ''): Promise<string> {
  const segmenter = createSegmenter(network as { name: string }, 1, { seed: 1 });
  const file = join(folder, `${name}.safetensors`);
  const entries = (await segmenter.parameters.stateDict()).flatMap(({ data, ...entry }) =>
    data instanceof Float32Array ? [{ ...entry, name: prefix + entry.name, dtype: 'F32' as const, data }] : [],
  );
  await writeSafetensors(file, entries, metadata);
  segmenter.dispose();
  return file;
}

/** A checkpoint of a pre-training with a preset. */
function checkpoint(name: string, preset: PresetName, change: { network: object; data?: object }): Promise<string> {
  const config = presetConfig(preset) as Config;
  const own = { ...config, network: change.network, data: { ...config.data, ...change.data } };
  const metadata = { format: 'voco-checkpoint', kind: 'pretrain', step: '10', config: JSON.stringify(own) };
  return weights(name, change.network, metadata, 'student.');
}

const errorsOf = (config: Config): string[] =>
  check(config).problems.flatMap(({ severity, message }) => (severity === 'error' ? [message] : []));

const preprocess = {
  orientation: 'RAS',
  spacing: [1, 1, 1],
  intensity: { kind: 'zscore', nonzero: true },
  foreground: { threshold: 'nonzero' },
  resize: null,
};

describe('a fine-tuning from a checkpoint', () => {
  it('has its network, its crops, and images prepared as it has seen them', async () => {
    const file = await checkpoint('mri', 'mae-mri', { network: unet, data: { preprocess } });
    const { start, lines } = await readStart(file);
    const { size } = start;
    expect(start).toMatchObject({ network: { ...unet, inChannels: 1 }, preprocess });
    expect(lines[0]).toBe('network: unet3d, feature size 4, encoder and decoder');
    for (const preset of ['btcv', 'heart', 'hippocampus'] as const) {
      const config = presetConfig(preset, { from: start });
      expect(config.network).toEqual({ ...unet, inChannels: 1 });
      expect(config.crops.size).toEqual(size);
      expect(config.data.preprocess).toMatchObject(preset === 'btcv' ? preprocess : { ...preprocess, intensity: preprocess.intensity }); // prettier-ignore
      expect(config.init.checkpoint).toBe(file);
      expect(errorsOf(config)).toEqual([]);
    }
    // One channel is spread over those of the data.
    expect(presetConfig('brats', { from: start }).network).toEqual({ ...unet, inChannels: 4 });
  });

  it('keeps the spacing of the preset where pre-training resized volumes, and whole volumes where it takes such', async () => {
    const file = await checkpoint('resized', 'voco-10k', { network: unet });
    const { start, lines } = await readStart(file);
    expect(lines.at(-1)).toMatch(/^its volumes were resized to \[384, 384, 96\]/);
    expect(presetConfig('btcv', { from: start }).data.preprocess).toMatchObject({
      spacing: [1.5, 1.5, 1.5],
      resize: null,
      foreground: { threshold: 0 },
    });
    const whole = presetConfig('cc-ccii', { from: start });
    expect([whole.data.preprocess.resize, whole.crops.size]).toEqual([
      [64, 64, 64],
      [64, 64, 64],
    ]);
    expect(errorsOf(whole)).toEqual([]);
  });

  it('offers presets that fit alone: none of MRI for weights of a window, none of other channels', async () => {
    const { start } = await readStart(await checkpoint('ct', 'voco-10k', { network: unet }));
    expect(presetsFrom(start)).toEqual(expect.arrayContaining(['btcv', 'lits', 'cc-ccii', 'demo-finetune']));
    for (const preset of ['brats', 'brats21', 'hippocampus', 'heart'] as const) {
      expect(presetsFrom(start)).not.toContain(preset);
      expect(() => presetConfig(preset, { from: start })).toThrow(/does not fit .*window of CT.*those that do: btcv/);
    }
    const four = { ...unet, inChannels: 4 };
    const data = { preprocess, channel: 'all' };
    const wide = await readStart(await checkpoint('four', 'mae-mri', { network: four, data }));
    expect(presetsFrom(wide.start)).toEqual(['brats21', 'brats']);
    expect(() => presetConfig('mae', { from: start })).toThrow(/the preset mae pre-trains/);
  });

  it.each([
    ['unet3d', unet],
    ['swin-unetr', { name: 'swin-unetr', featureSize: 12, depths: [1, 1, 1, 1], heads: [1, 1, 1, 1] }],
  ])('knows imported weights of %s by their tensors, and how a plan prepared their images', async (name, network) => {
    const prepare = JSON.stringify({ preprocess, size: [64, 64, 64], notes: ['a note'] });
    const { start, lines } = await readStart(await weights(name, network, { prepare }));
    expect(start.network).toMatchObject(network);
    expect(start).toMatchObject({ size: [64, 64, 64], preprocess });
    expect(lines).toContain('a note');
    const bare = await readStart(await weights(`${name}-bare`, network, {}));
    expect(bare.start).toMatchObject({ size: undefined, preprocess: undefined });
    const config = presetConfig('btcv', { from: bare.start });
    expect(config.crops.size).toEqual([96, 96, 96]);
    expect(errorsOf(config)).toEqual([]);
    expect(networkDescriptors.names).toContain(config.network.name);
  });

  it('is refused in a line for weights of no network of ours', async () => {
    const file = join(folder, 'other.safetensors');
    const entry = { name: 'a.weight', shape: [2], dtype: 'F32' as const, data: new Float32Array(2) };
    await writeSafetensors(file, [entry], {});
    await expect(readStart(file)).rejects.toThrow(
      /other\.safetensors: a fine-tuning cannot start from these weights: no network of this program has such tensors$/,
    );
  });
});

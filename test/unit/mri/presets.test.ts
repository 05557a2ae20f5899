import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, it, vi } from 'vitest';
import { presetConfig, presetOfTask, presetsOfTask, presetText } from '../../../src/config';
import { lookAtData } from '../../../src/data/datalist';
import { cropTraits } from '../../../src/data/channels';
import { pretextDescriptors } from '../../../src/pretext/descriptors';
import { bodySurface } from '../../../src/preview/surface';
import { init } from '../../../src/cli/commands/init';
import { parseCommandLine } from '../../../src/cli/command';
import { voxelCount } from '../../../src/geometry';
import type { Volume } from '../../../src/volume';
import { makeMri } from '../../support/mri';
import { temporaryFolder } from '../volume/support';

const at = temporaryFolder();

describe('presets for MRI', () => {
  it.each(pretextDescriptors.names)('has %s: no window, no cut at an intensity, any sequence', (task) => {
    const name = presetOfTask(task, 'mri');
    expect(presetsOfTask(task)).toContain(name);
    const config = presetConfig(name);
    if (config.kind !== 'pretrain') throw new Error('pre-trains');
    const { data, method, network } = config;
    expect(data.channel).toBe('random');
    expect(network.inChannels).toBe(1);
    expect(data.preprocess).toMatchObject({
      intensity: { kind: 'zscore', nonzero: true },
      foreground: { threshold: 'nonzero' },
      resize: null,
    });
    expect(cropTraits(data)).toEqual({ randomChannel: true, keepZero: true });
    const { augment } = method as unknown as { augment: { intensity: Record<string, number> } };
    expect(augment.intensity.biasField).toBeGreaterThan(0);
    expect(augment.intensity.gamma).toBeGreaterThan(0);
    if ('cropMm' in method) expect(method.cropMm).toEqual([64, 64, 64]);
  });

  it.each(['hippocampus', 'brats', 'brats21', 'heart'] as const)('fine-tunes %s with z-scores', (name) => {
    const { data, network } = presetConfig(name);
    expect(data.preprocess.intensity).toEqual({ kind: 'zscore', nonzero: true });
    expect(data.preprocess.foreground).toEqual({ threshold: 'nonzero' });
    expect([network.inChannels, data.channel]).toEqual(name.startsWith('brats') ? [4, 'all'] : [1, 0]);
  });

  it('hold cases out as the list has it, and a share where it has none', () => {
    const data = 'dataset.json';
    const listed = presetConfig('hippocampus', { data, found: { list: true, keys: ['training', 'validation'] } }).data;
    expect(listed.validation).toEqual([{ datalist: data, key: 'validation' }]);
    expect(listed.validationFraction).toBe(0);
    const plain = presetConfig('heart', { data, found: { list: true, keys: ['training', 'test'] } }).data;
    expect([plain.validation, plain.validationFraction]).toEqual([[], 0.2]);
    expect(presetText('brats')).toContain('"dataset.json"');
  });
});

describe('data that say they are MRI', () => {
  it('are told, and so is a preset that is made for CT', async () => {
    await makeMri(at('heads'), { cases: 2, size: [16, 16, 16] });
    expect(await lookAtData(at('heads'))).toMatchObject({ mri: true, channels: ['FLAIR', 'T1w', 'T1gd', 'T2w'] });
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const told = async (...args: string[]): Promise<string> => {
      said.mockClear();
      await init.run(parseCommandLine(init, [at('a.voco.json'), '--force', '--data', at('heads'), ...args]));
      return said.mock.calls.map(([text]) => String(text)).join('');
    };
    expect(await told('--task', 'mae', '--preset', 'small')).toMatch(
      /the images are MRI, and this preset is made for CT: --preset mae-mri is made for MRI/,
    );
    expect(await told('--preset', 'btcv')).toMatch(/for MRI set data\.preprocess\.intensity to \{ "kind": "zscore" \}/);
    expect(await told('--task', 'mae', '--preset', 'mri')).not.toMatch(/made for CT|choose one of/);
    said.mockRestore();
    const file = join(at('heads'), 'dataset.json');
    const content = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...content, channel_names: { 0: 'CT', 1: 'T1', 2: 'T2', 3: 'PET' } }));
    expect((await lookAtData(at('heads'))).mri).toBeUndefined();
  });
});

describe('the body of the preview', () => {
  it('of z-scores is what is not 0, dark tissue and all', () => {
    const size = [24, 24, 24] as const;
    const data = new Float32Array(voxelCount(size));
    for (let x = 6; x < 18; x++)
      for (let y = 6; y < 18; y++) for (let z = 6; z < 18; z++) data[(x * 24 + y) * 24 + z] = x < 12 ? -1.5 : 1.5;
    const affine = Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    const volume: Volume<Float32Array> = { data, shape: [1, ...size], affine };
    const { places } = bodySurface(volume, [-2, 2], true);
    const xs = [...places].filter((_, i) => i % 3 === 0);
    expect([Math.min(...xs), Math.max(...xs)]).toEqual([6, 17]);
  });
});

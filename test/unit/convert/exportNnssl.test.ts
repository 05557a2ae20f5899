import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { presetConfig, type PretrainConfig } from '../../../src/config';
import { exportNnssl } from '../../../src/convert/exportNnssl';
import { createSegmenter, type NetworkConfig } from '../../../src/nets';
import { saveCheckpoint, type TensorEntry } from '../../../src/runs';
import { openWeights } from '../../../src/runs/import';
import { temporaryFolder } from '../runs/support';

type Preprocess = Partial<PretrainConfig['data']['preprocess']>;

const small: NetworkConfig = { name: 'resenc-unet', stages: 3, features: [4, 8], blocks: [1, 2], inChannels: 2 };

/** A checkpoint of a pre-training on images that were prepared so; its weights are zeros. */
async function checkpointOf(preprocess: Preprocess, network = small): Promise<string> {
  const preset = presetConfig('mae-mri', { network: network.name });
  const data = { ...preset.data, preprocess: { ...preset.data.preprocess, ...preprocess } };
  const config = { ...preset, network, data, method: { name: 'mae', crop: [16, 24, 32], block: 8 } };
  const { layout } = createSegmenter(network, 1, { seed: 0, describeOnly: true }).parameters;
  const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1));
  const tensors = layout.map(({ name, shape }): TensorEntry => ({
    name: `student.${name}`,
    dtype: 'F32',
    shape,
    data: zeros(shape),
  }));
  return saveCheckpoint(temporaryFolder(), {
    step: 1,
    tensors,
    metadata: { kind: 'pretrain', name: 'x', config: JSON.stringify(config) },
  });
}

interface Plan {
  readonly pretrain_plan: { readonly configurations: Readonly<Record<string, Record<string, unknown>>> };
}

async function exported(preprocess: Preprocess) {
  const out = join(temporaryFolder(), 'checkpoint_final.pth');
  const report = await exportNnssl({ file: await checkpointOf(preprocess), out });
  const plan = JSON.parse(readFileSync(report.plan, 'utf8')) as Plan;
  return { report, out, plan, configurations: Object.entries(plan.pretrain_plan.configurations) };
}

describe('the plan says honestly how images were prepared', () => {
  const base = { orientation: null, resize: null } as const;

  test.each<[string, Preprocess, string, Record<string, unknown>, RegExp[]]>([
    ['z-scores at 1 mm', { ...base, spacing: [1, 1, 1], intensity: { kind: 'zscore', nonzero: true } }, 'onemmiso', { spacing: [1, 1, 1], normalization_schemes: ['ZScoreNormalization', 'ZScoreNormalization'], use_mask_for_norm: [true, true] }, []],
    ['another spacing', { ...base, spacing: [0.8, 0.9, 3], intensity: { kind: 'zscore', nonzero: false } }, 'median', { spacing: [3, 0.9, 0.8], use_mask_for_norm: [false, false] }, []],
    ['a window of CT', { ...base, spacing: [1, 1, 1], intensity: { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true } }, 'onemmiso', { normalization_schemes: ['NoNormalization', 'NoNormalization'] }, [/^nnssl has no scheme for data\.preprocess\.intensity \{"kind": "window", "low": -175/, /z-scores of every channel, which these weights have not seen/]],
    ['volumes of one size', { orientation: 'RAS', spacing: [1, 1, 1], resize: [64, 64, 64], intensity: { kind: 'zscore', nonzero: true } }, 'noresample', { spacing: null }, [/resized to 64×64×64 voxels/, /turned to RAS/]],
  ])('%s', async (_what, preprocess, name, values, notes) => {
    const { report, configurations, out } = await exported(preprocess);
    expect(configurations.map(([key]) => key)).toEqual([name]);
    expect(configurations[0]![1]).toMatchObject({ spacing_style: name, patch_size: [32, 24, 16], ...values });
    expect(report.notes).toHaveLength(notes.length);
    notes.forEach((note, i) => expect(report.notes[i]).toMatch(note));
    const source = await openWeights(out);
    expect(source.field).toMatchObject({ origin: 'nnssl', channels: 2, patch: [16, 24, 32] });
    await source.close();
  }); // prettier-ignore
});

describe('what cannot be exported for nnssl is an error', () => {
  test('a network that nnssl does not have', async () => {
    const file = await checkpointOf({}, { name: 'unet3d', featureSize: 4, inChannels: 1 });
    const out = join(temporaryFolder(), 'a.pth');
    await expect(exportNnssl({ file, out })).rejects.toThrow(
      /a 3D U-Net of this size cannot be exported for nnssl: only residual encoder U-Nets and Primus/,
    );
  });

  test('a plan that is there already', async () => {
    const file = await checkpointOf({});
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'adaptation_plan.json'), '{}');
    const out = join(folder, 'a.pth');
    await expect(exportNnssl({ file, out })).rejects.toThrow(/adaptation_plan\.json/);
    expect((await exportNnssl({ file, out, force: true })).keys).toBeGreaterThan(0);
  });
});

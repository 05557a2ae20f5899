import { requireVoco } from '../../../src/pretext/voco/config';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, type FinetuneConfig, type PretrainConfig } from '../../../src/config';
import { createRun, saveCheckpoint } from '../../../src/runs';
import type { StateEntry } from '../../../src/nets/state';
import { buildNetwork } from '../../../src/downstream/segmentation/task';
import { buildModel } from '../../../src/pretext/voco/task';
import { writeConfig } from '../../support/trainer';

type Json = Record<string, unknown>;

/** Liver and aorta with a tiny 3D U-Net, beside `phantom/`. Returns the config file. */
export function segmentationConfig(folder: string, name: string, device: string, change: Json = {}): string {
  const base = {
    ...{ kind: 'finetune', name, seed: 3, threads: 1, device, output: 'runs' },
    task: {
      name: 'custom',
      unlisted: 'background',
      classes: [
        { name: 'liver', values: [6] },
        { name: 'aorta', values: [8] },
      ],
    },
    data: {
      train: [{ datalist: 'phantom/dataset_0.json' }],
      validation: [{ datalist: 'phantom/dataset_0.json', key: 'validation' }],
      preprocess: { spacing: null },
      cache: { folder: 'cache' },
    },
    crops: { size: [32, 32, 32], perVolume: 2 },
    network: { name: 'unet3d', featureSize: 4 },
    inference: { overlap: 0.25, batch: 1 },
  };
  const file = join(folder, `${name}.voco.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify({ ...base, ...change }));
  return file;
}

async function save(config: FinetuneConfig | PretrainConfig, entries: readonly StateEntry[]): Promise<string> {
  const { kind, name, output } = config;
  const dir = await createRun({ root: output, name, kind, config, totalSteps: 10 });
  const tensors = entries.map(({ name: tensor, shape, data }) =>
    data instanceof Float32Array
      ? { name: tensor, dtype: 'F32' as const, shape, data }
      : { name: tensor, dtype: 'I64' as const, shape, data: BigInt64Array.from(data, BigInt) },
  );
  const metadata = { kind, name, config: JSON.stringify(config), version: '0.1.0' };
  return saveCheckpoint(dir, { step: 10, tensors, metadata });
}

/** A run with the checkpoint of an untrained network: random weights, which differ by the config's seed. */
export async function untrainedSegmenter(configFile: string): Promise<string> {
  const { config } = await loadConfig(configFile, { kind: 'finetune' });
  const network = buildNetwork(config);
  const entries = await network.parameters.stateDict();
  network.dispose();
  return save(config, entries);
}

/** The same of a pre-training. */
export async function untrainedModel(folder: string, name: string, device: string, change: Json = {}): Promise<string> {
  const file = writeConfig(folder, name, device, change, { name });
  const { config } = await loadConfig(file, { kind: 'pretrain' });
  const model = buildModel(requireVoco(config, file));
  const entries = await model.stateDict();
  model.dispose();
  return save(config, entries);
}

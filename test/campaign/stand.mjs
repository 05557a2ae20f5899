import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { voco, lastWords } from './voco.mjs';

export function checkpoint(run, step) {
  return join(run, 'checkpoints', `step-${String(step).padStart(8, '0')}.safetensors`);
}

/** A small 3D U-Net on crops of 16 × 16 × 32 voxels. */
const network = { name: 'unet3d', featureSize: 4 };
const preprocess = { resize: [64, 64, 64], foreground: null };
const shared = { seed: 3, threads: 1, network, optimizer: { lr: 0.001 } };
const lists = {
  train: [{ datalist: 'phantom/dataset_0.json' }],
  validation: [{ datalist: 'phantom/dataset_0.json', key: 'validation' }],
};
const finetuning = {
  ...shared,
  kind: 'finetune',
  name: 'tiny',
  task: { name: 'btcv' },
  data: { ...lists, preprocess: { spacing: null, foreground: null }, cache: { folder: 'cache' } },
  crops: { size: [32, 32, 32], perVolume: 1 },
  inference: { overlap: 0 },
};
const settings = {
  'pretrain.voco.json': {
    ...shared,
    kind: 'pretrain',
    name: 'tiny',
    schedule: { warmupSteps: 2 },
    data: { ...lists, preprocess, cache: { folder: 'cache' }, workers: 1 },
    method: {
      grid: [2, 2, 1],
      crop: [32, 32, 64],
      input: [16, 16, 32],
      randomCrops: 1,
      projector: { hidden: 16, out: 16 },
    },
    train: { steps: 15, batch: 1, validateEvery: 8, checkpointEvery: 3, keepLast: 2 },
  },
  'finetune.voco.json': {
    ...finetuning,
    train: { steps: 8, batch: 1, validateEvery: 4, checkpointEvery: 3, keepLast: 2 },
  },
  'study.voco.json': {
    ...finetuning,
    name: 'compared',
    init: { checkpoint: checkpoint('pre', 15), encoderRate: 0.5, freezeFor: 0.4, kernelScale: 0.25 },
    study: { cases: [1], seeds: [0] },
    train: { steps: 3, validateEvery: 3, checkpointEvery: 1 },
  },
};

/** The device that computes here: the quick one where its engine is built. */
async function device(folder) {
  const { out } = await voco(['devices'], { cwd: folder });
  return /^✓ onednn/m.test(out) ? 'onednn' : 'wasm';
}

/** What every process of the campaign gets: nothing of it reaches the user's own folders. */
export const environment = (folder) => ({
  VOCO_STATE: join(folder, 'state'),
  VOCO_CACHE: join(folder, 'cache'),
  TMPDIR: join(folder, 'tmp'),
  LANG: 'C.UTF-8',
});

export async function must(args, folder) {
  const ended = await voco(args, { cwd: folder, env: environment(folder) });
  if (ended.code !== 0) throw new Error(`voco ${args.join(' ')}: ${lastWords(ended)}`);
  return ended;
}

/**
 * A folder with what the commands work on, `work` below a new one: `phantom/` (3 cases and a held-out one of 64 × 64 × 32 voxels), a
 * config of each kind, `pre/` and `fine/` (finished runs), `warm/` (a cache), `weights.pt` and `scan.mha`. Each trial begins with
 * `renew()`, in a copy at the same place: seals of runs name it.
 */
export async function makeStand() {
  const root = mkdtempSync(join(tmpdir(), 'voco-campaign-'));
  const [folder, base] = [join(root, 'work'), join(root, 'base')];
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  const name = await device(folder);
  for (const [file, config] of Object.entries(settings))
    writeFileSync(join(folder, file), JSON.stringify({ ...config, device: name }, null, 2));
  await must(['phantom', '--out', 'phantom', '--cases', '4', '--size', '64,64,32', '--seed', '1'], folder);
  await must(['pretrain', 'pretrain.voco.json', '--run', 'pre'], folder);
  await must(['finetune', 'finetune.voco.json', '--run', 'fine'], folder);
  await must(['export', checkpoint('pre', 15), '--out', 'weights.pt'], folder);
  writeScan(folder);
  renameSync(join(folder, 'cache'), join(folder, 'warm'));
  renameSync(folder, base);
  return {
    folder,
    device: name,
    renew() {
      // Its content alone: a disk may be mounted there.
      mkdirSync(folder, { recursive: true });
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
      cpSync(base, folder, { recursive: true, preserveTimestamps: true });
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
    /** Keeps a copy of the folder as it is, to look at. */
    keep(label) {
      const kept = join(root, `kept-${label}`);
      cpSync(folder, kept, { recursive: true });
      return kept;
    },
  };
}

/** A volume of another format than NIfTI, for convert. */
function writeScan(folder) {
  const header = [
    'ObjectType = Image',
    'NDims = 3',
    'DimSize = 48 48 32',
    'ElementSpacing = 1 1 2',
    'BinaryData = True',
    'ElementByteOrderMSB = False',
    'ElementType = MET_SHORT',
    'ElementDataFile = LOCAL',
    '',
  ];
  const voxels = Int16Array.from({ length: 48 * 48 * 32 }, (_, i) => (i * 7919) % 1500);
  writeFileSync(join(folder, 'scan.mha'), Buffer.concat([Buffer.from(header.join('\n')), Buffer.from(voxels.buffer)]));
}

// Small experiments on synthetic volumes, which the real trainer finishes in seconds, and the runs that come of them.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { root } from './server.mjs';

const datalist = (key) => [{ datalist: 'sample/dataset_0.json', key }];

/** A pre-training of a 3D U-Net on volumes of 64×64×32 voxels; a step takes a tenth of a second on one slow core. */
export const pretraining = ({ featureSize = 4, train, ...changes }) => ({
  kind: 'pretrain',
  name: 'pre',
  threads: 1,
  data: { train: datalist('training'), preprocess: { resize: [64, 64, 32] }, workers: 0 },
  method: {
    grid: [2, 2, 1],
    crop: [32, 32, 32],
    input: [32, 32, 32],
    randomCrops: 1,
    projector: { hidden: 16, out: 16 },
  },
  network: { name: 'unet3d', featureSize },
  train: { batch: 1, ...train },
  ...changes,
});

export const LIVER = { name: 'liver', values: [6], colour: '#c77b58' };
export const AORTA = { name: 'aorta', values: [8], colour: '#ff5a5a' };

/** A fine-tuning on some organs, by default liver and aorta, which a small network learns in seconds. */
export const finetuning = ({ featureSize = 4, classes = [LIVER, AORTA], perVolume = 2, ...changes }) => ({
  kind: 'finetune',
  name: 'organs',
  threads: 1,
  task: { name: 'custom', unlisted: 'background', classes },
  data: { train: datalist('training'), validation: datalist('validation'), preprocess: { spacing: null } },
  crops: { size: [32, 32, 32], perVolume },
  network: { name: 'unet3d', featureSize },
  inference: { overlap: 0.25 },
  ...changes,
});

/** Runs a `voco` command to its end, with the server's cache. */
export function voco(server, ...args) {
  const made = spawnSync(process.execPath, [join(root, 'dist/voco.cjs'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, VOCO_CACHE_DIR: join(server.tmp, 'cache') },
  });
  assert.equal(made.status, 0, made.stderr);
}

/** Starts a `voco` command that goes on by itself, as the extension starts trainers; see {@link killTrainers}. */
export function startVoco(server, ...args) {
  const env = { ...process.env, VOCO_CACHE_DIR: join(server.tmp, 'cache') };
  const options = { cwd: server.folder, env, detached: true, stdio: 'ignore' };
  spawn(process.execPath, [join(root, 'dist/voco.cjs'), ...args], options).unref();
}

/** Writes the synthetic volumes that the experiments name into the workspace. */
export const makeSample = (server, cases) =>
  voco(server, 'phantom', '--out', join(server.folder, 'sample'), '--cases', String(cases), '--size', '64,64,32');

/** Writes `NAME.voco.json` into the workspace and answers its path. */
export function writeConfig(server, name, value) {
  const file = join(server.folder, `${name}.voco.json`);
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
  return file;
}

/** The runs of the workspace as their directories tell, each with its `dir`; none before the server has started. */
export function runStates(server) {
  const runs = server && join(server.folder, 'runs');
  if (!runs || !existsSync(runs)) return [];
  return readdirSync(runs)
    .map((name) => join(runs, name))
    .filter((dir) => existsSync(join(dir, 'run.json')))
    .map((dir) => ({ dir, ...JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) }));
}

/** Processes of `voco` whose command line names the workspace. */
export function trainers(server) {
  if (!server) return [];
  const ofServer = (pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return line.includes('voco.cjs') && line.includes(server.folder);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(ofServer);
}

/** Ends the trainers that a test left behind. */
export function killTrainers(server) {
  for (const pid of trainers(server)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended by itself
    }
  }
}

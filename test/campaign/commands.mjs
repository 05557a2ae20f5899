import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkpoint } from './stand.mjs';

const images = ['1', '2', '3'].map((n) => `phantom/imagesTr/img000${n}.nii.gz`);
const trained = checkpoint('pre', 15);
const tuned = checkpoint('fine', 8);

/** The command that goes on with a run, or starts it where there is none yet. */
const resumed = (kind, run) => (folder) =>
  existsSync(join(folder, run, 'run.json'))
    ? [kind, '--run', run, '--resume']
    : [kind, `${kind}.voco.json`, '--run', run];

/**
 * What the campaign does with each command that writes. Each runs in a copy of the stand (stand.mjs).
 *
 * - `args`: the command line; `again`: the one that a person gives after an interruption (default: the same)
 * - `outputs`: what it writes, relative to the folder; the rest must stay as it is
 * - `kills`: its share of 100 SIGKILLs
 * - `full`: false where it needs no space
 */
export const scenarios = [
  {
    name: 'pretrain',
    args: ['pretrain', 'pretrain.voco.json', '--run', 'out'],
    again: resumed('pretrain', 'out'),
    outputs: ['out', 'cache'],
    kills: 15,
  },
  {
    name: 'finetune',
    args: ['finetune', 'finetune.voco.json', '--run', 'out'],
    again: resumed('finetune', 'out'),
    outputs: ['out', 'cache'],
    kills: 14,
  },
  {
    name: 'resume',
    command: 'pretrain',
    args: ['pretrain', '--run', 'pre', '--resume', '--set', 'train.steps=24'],
    outputs: ['pre', 'cache'],
    kills: 14,
  },
  { name: 'evaluate', args: ['evaluate', '--run', 'fine'], outputs: ['fine', 'cache'], kills: 14 },
  {
    name: 'study',
    args: ['study', 'study.voco.json', '--run', 'out'],
    again: resumed('study', 'out'),
    outputs: ['out', 'cache'],
    kills: 4,
  },
  {
    name: 'segment',
    args: ['segment', ...images, '--checkpoint', tuned, '--out', 'labels'],
    again: () => ['segment', ...images, '--checkpoint', tuned, '--out', 'labels', '--continue'],
    outputs: ['labels', 'cache'],
    kills: 10,
  },
  {
    name: 'import',
    args: ['import', 'weights.pt', '--out', 'imported.safetensors'],
    again: forced,
    outputs: ['imported.safetensors'],
    kills: 6,
  },
  {
    name: 'export',
    args: ['export', trained, '--out', 'exported.pt'],
    again: forced,
    outputs: ['exported.pt', 'exported.pt.md'],
    kills: 4,
  },
  {
    name: 'convert',
    args: ['convert', 'scan.mha', '--out', 'scan.nii.gz'],
    again: forced,
    outputs: ['scan.nii.gz'],
    kills: 3,
  },
  {
    name: 'phantom',
    args: ['phantom', '--out', 'made', '--cases', '4', '--size', '64,64,32', '--seed', '5'],
    outputs: ['made'],
    kills: 5,
  },
  {
    name: 'locate',
    args: ['locate', '--checkpoint', trained, '--positions', '4', '--out', 'located'],
    again: forced,
    outputs: ['located', 'cache'],
    kills: 3,
  },
  {
    name: 'probe',
    args: ['probe', 'pre', '--seeds', '2', '--crops', '24', '--out', 'probed.json'],
    again: forced,
    outputs: ['probed.json', 'cache'],
    kills: 3,
  },
  { name: 'check', args: ['check', 'pretrain.voco.json'], outputs: ['cache'], kills: 2 },
  { name: 'init', args: ['init', 'new.voco.json'], again: forced, outputs: ['new.voco.json'], kills: 1 },
  { name: 'cache', args: ['cache', 'clear', '--folder', 'warm'], outputs: ['warm'], kills: 2, full: false },
];

/** The same command with --force: what came before the interruption is replaced. */
function forced(_folder, { args }) {
  return [...args, '--force'];
}

/** Commands without a part in the campaign, and why. */
export const exceptions = {
  info: 'writes nothing',
  devices: 'writes nothing',
  compare: 'writes nothing',
  bench: 'writes nothing',
  demo: 'makes a dataset, configs and runs with the code of phantom, init, pretrain and study, and takes minutes',
};

export const commandOf = (scenario) => scenario.command ?? scenario.name;

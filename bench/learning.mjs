// Does each pretext task learn? `node bench/learning.mjs [phantom|LIST.json] [--out DIR] [--tasks a,b] [--seeds 5] [--steps 100]
// [--threads 2] [--crops 500] [--control]`. Of the task's demo preset, all with the same volumes, network, rows a step and steps, it pre-trains
// with several seeds, and probes the features of each against random weights on volumes that no pre-training saw (`voco probe`): the
// organ of a crop on synthetic abdomens (phantom), the position on a list of cases such as the hippocampus of the Medical Segmentation
// Decathlon, of which half pre-trains and half is probed. What is done is not done again: the same command goes on. `--table` prints
// what there is, and starts nothing. `--control` pre-trains on the same volumes with their voxels in random order, in which there is
// nothing to learn: what a probe gains from that is not what a task teaches.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describeMachine, machineLine } from './machine.mjs';

const root = join(import.meta.dirname, '..');
const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: join(root, 'sample-data/learning') },
    tasks: { type: 'string' },
    seeds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '100' },
    threads: { type: 'string', default: '2' },
    crops: { type: 'string', default: '500' },
    control: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
  },
});
const list = (positionals[0] ?? 'phantom') === 'phantom' ? undefined : resolve(positionals[0]);
const kind = list ? 'list' : 'phantom';
const out = resolve(options.out, `${kind}${options.control ? '-control' : ''}`);
const seeds = Array.from({ length: Number(options.seeds) }, (_, seed) => seed);

/** Eight crops of 32³ a step, as rows of the network; a puzzle is eight rows itself. The metric is the task's own. */
const crop = [32, 32, 32];
const single = { metric: 'correlation', set: { 'method.crop': crop, 'method.perVolume': 4 } };
const TASKS = {
  voco: {
    metric: 'accuracy',
    preset: 'demo-unet',
    // Four random crops and the four places of the grid, of one volume.
    set: { 'method.crop': crop, 'method.input': crop, 'method.grid': [2, 2, 1], 'method.randomCrops': 4 },
    batch: 1,
  },
  position: { ...single, metric: 'accuracy', set: { ...single.set, 'method.grid': [2, 2, 2] } },
  mae: single,
  genesis: single,
  'volume-fusion': { ...single, metric: 'voxelAccuracy' },
  rotation: { ...single, metric: 'accuracy' },
  'rotate-restore': single,
  jigsaw: {
    metric: 'order',
    set: { 'method.crop': [64, 64, 64], 'method.gap': 0, 'method.perVolume': 1, 'method.permutations': 10 },
    batch: 1,
  },
  // Four pairs, and four pairs of views.
  simclr: { ...single, metric: 'found', set: { ...single.set, 'method.perVolume': 2 } },
  spark: single,
  // Its network wants more than 32 voxels along an axis.
  simmim: { ...single, set: { 'method.crop': [32, 32, 64], 'method.perVolume': 2 } },
  'swin-ssl': { ...single, metric: 'turnAccuracy', set: { ...single.set, 'method.perVolume': 2 } },
};
const BATCH = 2;
const names = options.tasks ? options.tasks.split(',') : Object.keys(TASKS);
const unknown = names.find((name) => !Object.hasOwn(TASKS, name));
if (unknown !== undefined) {
  process.stderr.write(`bench/learning: unknown task "${unknown}": use ${Object.keys(TASKS).join(', ')}\n`);
  process.exit(2);
}

function voco(...args) {
  const { status } = spawnSync(process.execPath, [join(root, 'dist/voco.cjs'), ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 130);
}

/** Writes a NIfTI file with the voxels of another in random order. */
function shuffle(from, to, seed) {
  const stored = readFileSync(from);
  const bytes = stored[0] === 0x1f ? gunzipSync(stored) : stored;
  const start = bytes.readFloatLE(108);
  const width = bytes.readInt16LE(72) / 8;
  const voxels = Buffer.from(bytes.subarray(start));
  const draw = mulberry(seed);
  const kept = Buffer.alloc(width);
  for (let last = voxels.length / width - 1; last > 0; last--) {
    const [a, b] = [last * width, Math.floor(draw() * (last + 1)) * width];
    voxels.copy(kept, 0, a, a + width);
    voxels.copy(voxels, a, b, b + width);
    kept.copy(voxels, b);
  }
  writeFileSync(to, gzipSync(Buffer.concat([bytes.subarray(0, start), voxels]), { level: 1 }));
}

/** A seeded stream of numbers from 0 to 1 (mulberry32). */
function mulberry(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The list of the same volumes without anything to learn in them. */
function controlOf(file) {
  const folder = join(out, 'shuffled');
  const target = join(folder, 'list.json');
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  let count = 0;
  const shuffled = (cases) =>
    cases?.map(({ image }) => {
      const path = join(folder, `${++count}.nii.gz`);
      shuffle(resolve(dirname(file), image), path, count);
      return { image: path };
    });
  const { training, validation } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(target, JSON.stringify({ training: shuffled(training), validation: shuffled(validation) }));
  return target;
}

/** Volumes to pre-train on, and others to probe: two lists. */
function data() {
  const [pretrain, probe] = ['pretrain', 'probe'].map((name) => join(out, name));
  if (!list) {
    const size = ['--size', '96,96,80'];
    const lists = [pretrain, probe].map((folder) => join(folder, 'dataset_0.json'));
    if (!existsSync(lists[0])) voco('phantom', '--out', pretrain, '--cases', '24', '--seed', '11', ...size);
    if (!existsSync(lists[1])) voco('phantom', '--out', probe, '--cases', '40', '--seed', '12', ...size);
    return lists;
  }
  const { training } = JSON.parse(readFileSync(list, 'utf8'));
  return [pretrain, probe].map((folder, half) => {
    const file = join(folder, 'list.json');
    const cases = training
      .filter((_, i) => i % 2 === half)
      .map(({ image }) => ({ image: resolve(dirname(list), image) }));
    const held = half === 0 ? cases.splice(-5) : [];
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, JSON.stringify({ training: cases, ...(held.length > 0 && { validation: held }) }));
    return file;
  });
}

/** The same for all tasks: what is pre-trained on, by which network, and how long. */
const common = {
  threads: Number(options.threads),
  'data.workers': 0,
  // Voxels of 4 mm, and of about half a millimetre: crops of 32³ are a small part of a hippocampus as well.
  'data.preprocess.resize': list ? [72, 104, 72] : [96, 96, 80],
  ...(list && {
    'data.preprocess.intensity': { kind: 'zscore', nonzero: false },
    'data.preprocess.foreground': null,
  }),
  'train.steps': Number(options.steps),
  'train.validateEvery': Number(options.steps),
  'train.checkpointEvery': Number(options.steps),
  'train.keepLast': 1,
};

const runOf = (name, seed) => join(out, name, `seed-${seed}`);

function pretrain(name, seed, [datalist]) {
  const { preset = 'demo', set, batch = BATCH } = TASKS[name];
  const folder = join(out, name);
  const config = join(folder, 'config.voco.json');
  if (!existsSync(config)) voco('init', config, '--task', name, '--preset', preset, '--data', datalist);
  const run = runOf(name, seed);
  const settings = { ...common, ...set, 'train.batch': batch, seed, 'data.cache.folder': join(out, 'cache') };
  const sets = Object.entries(settings).flatMap(([path, value]) => ['--set', `${path}=${JSON.stringify(value)}`]);
  if (existsSync(join(run, 'run.json'))) {
    if (JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')).state !== 'finished')
      voco('pretrain', '--run', run, '--resume');
  } else voco('pretrain', config, '--run', run, ...sets);
}

const reportOf = (name, folder = out) => join(folder, name, `probe-${seeds.length}.json`);

function probe(name, [, volumes]) {
  if (existsSync(reportOf(name))) return;
  const runs = seeds.map((seed) => runOf(name, seed));
  const task = list ? 'position' : 'organ';
  voco(
    'probe',
    ...runs,
    '--data',
    volumes,
    '--task',
    task,
    '--seeds',
    options.seeds,
    '--crops',
    options.crops,
    '--out',
    reportOf(name),
  );
}

const mean = (numbers) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;

/** The task's metric over the first and the last tenth of the steps, of all seeds. */
function learned(name) {
  const { metric } = TASKS[name];
  const parts = seeds.map((seed) => {
    const lines = readFileSync(join(runOf(name, seed), 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const values = lines.map((line) => JSON.parse(line)[metric]);
    const tenth = Math.max(1, Math.round(values.length / 10));
    return [mean(values.slice(0, tenth)), mean(values.slice(-tenth))];
  });
  // What is rounded to 0 has no minus.
  return [0, 1].map((end) => (Math.round(100 * mean(parts.map((part) => part[end]))) / 100 + 0).toFixed(2));
}

const percent = (share) => (100 * share).toFixed(1);
function signed(share) {
  const points = Math.round(1000 * share) / 10;
  return `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(1)}`;
}

function row(name) {
  const { seeds: scored, difference, network } = JSON.parse(readFileSync(reportOf(name), 'utf8'));
  const [first, last] = learned(name);
  const ahead = scored.filter(({ pretrained, random }) => pretrained.accuracy > random.accuracy).length;
  return [
    `\`${name}\``,
    network.name,
    `${TASKS[name].metric}: ${first} → ${last}`,
    percent(mean(scored.map(({ random }) => random.accuracy))),
    percent(mean(scored.map(({ pretrained }) => pretrained.accuracy))),
    signed(difference.mean),
    difference.low === null ? '–' : `${signed(difference.low)} to ${signed(difference.high)}`,
    `${ahead} of ${scored.length}`,
  ];
}

/** Student's t of a two-sided 95 % interval, for 1 to 9 degrees of freedom. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

const scoresOf = (file) => JSON.parse(readFileSync(file, 'utf8')).seeds.map(({ pretrained }) => pretrained.accuracy);

/** What a task teaches beyond the control: a line each that both have run, paired by seed. */
function beyondControl(done) {
  const taught = (name) => reportOf(name, resolve(options.out, kind));
  const lines = done
    .filter((name) => existsSync(taught(name)))
    .map((name) => {
      const [own, control] = [scoresOf(taught(name)), scoresOf(reportOf(name))];
      const differences = own.map((score, i) => score - control[i]);
      const middle = mean(differences);
      const variance = differences.reduce((sum, one) => sum + (one - middle) ** 2, 0) / (differences.length - 1);
      const half = (STUDENT[differences.length - 2] ?? NaN) * Math.sqrt(variance / differences.length);
      const ahead = differences.filter((one) => one > 0).length;
      const interval = Number.isFinite(half) ? `${signed(middle - half)} to ${signed(middle + half)}` : '–';
      return [
        `\`${name}\``,
        percent(mean(control)),
        percent(mean(own)),
        signed(middle),
        interval,
        `${ahead} of ${own.length}`,
      ];
    });
  if (lines.length === 0) return [];
  const heads = ['task', 'voxels in random order, %', 'the volumes, %', 'difference', '95 % interval', 'ahead'];
  return ['', ...[heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`)];
}

function table() {
  const heads = [
    'task',
    'network',
    'metric, first → last tenth of the steps',
    'random, %',
    'pre-trained, %',
    'difference',
    '95 % interval',
    'ahead',
  ];
  const done = names.filter((name) => existsSync(reportOf(name)));
  const rows = [heads, heads.map(() => '---'), ...done.map(row)];
  const undone = names.filter((name) => !done.includes(name));
  const settings = `${list ? basename(dirname(list)) : 'phantom'}${options.control ? ', voxels in random order' : ''}; ${seeds.length} seeds, ${options.steps} steps, ${options.crops} crops a probe`;
  return [
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    ...(options.control ? beyondControl(done) : []),
    '',
    settings,
    ...(undone.length > 0 ? [`not run: ${undone.join(', ')}`] : []),
  ];
}

const machine = machineLine(describeMachine());
if (!options.table) {
  const [volumes, others] = data();
  const lists = [options.control ? controlOf(volumes) : volumes, others];
  for (const name of names) {
    for (const seed of seeds) pretrain(name, seed, lists);
    probe(name, lists);
  }
}
process.stdout.write(`${[...table(), machine].join('\n')}\n`);

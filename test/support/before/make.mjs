// Makes test/fixtures/before: data, configs, run directories and checkpoints as an earlier version of the program wrote
// them, and what that version made of them later. `node test/support/before/make.mjs CHECKOUT`, where CHECKOUT is a built
// checkout of that version. The device onednn must be there.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { baseConfigs, WHOLE } from './configs.mjs';

const checkout = resolve(process.argv[2]);
const program = join(checkout, 'dist/voco.cjs');
const folder = '/tmp/voco-before';
const out = join(import.meta.dirname, '../../fixtures/before');

function voco(args, cwd = folder) {
  return execFileSync(process.execPath, [program, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const write = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 1)}\n`);

let modulesMade = 0;

/** What some lines of TypeScript export. */
async function evaluate(contents, resolveDir) {
  const file = join(import.meta.dirname, `modules-${modulesMade++}.tmp.mjs`);
  await build({
    stdin: { contents, resolveDir, loader: 'ts' },
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: {
      js: `import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);`,
    },
    logLevel: 'error',
  });
  const modules = await import(file);
  rmSync(file);
  return modules;
}

const CLOCK = /^(secondsPerStep|cropsPerSecond|memoryBytes)$/;

/** Lines of metrics.jsonl without what depends on the clock. */
function metricsOf(runDir, after = 0) {
  const lines = readFileSync(join(runDir, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const kept = lines.map((line) => Object.fromEntries(Object.entries(line).filter(([name]) => !CLOCK.test(name))));
  return kept.filter(({ step }) => step > after);
}

const checkpointsOf = (runDir) =>
  readdirSync(join(runDir, 'checkpoints'))
    .filter((name) => name.endsWith('.safetensors'))
    .sort()
    .map((name) => join(runDir, 'checkpoints', name));

async function stopWhen(args, condition, signal) {
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: 'ignore' });
  const ended = new Promise((done) => child.once('exit', done));
  while (!condition()) await sleep(5);
  child.kill(signal);
  await ended;
}

/** What the earlier version measures when it goes on with a copy of a run. */
function resumed(kind, name, from, to) {
  const copy = join(folder, 'other', `${name}-resumed`);
  cpSync(join(folder, 'runs', name), copy, { recursive: true, filter: (source) => !source.endsWith('.sock') });
  voco([kind, '--run', copy, '--resume', ...(kind === 'study' ? [] : ['--set', `train.steps=${to}`])]);
  return kind === 'study' ? json(join(copy, 'study.json')).runs : metricsOf(copy, from);
}

/** Puts values from the formula into the checkpoints of a run, so that they need not be kept. */
function fill(runDir) {
  for (const file of checkpointsOf(runDir)) writeFromOutline(file, outlineOf(file));
}

/** Every run directory below a folder. */
function runDirsBelow(root) {
  const found = readdirSync(root, { recursive: true }).filter((name) => basename(name) === 'run.json');
  return found.map((name) => join(root, dirname(name))).sort();
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, 'configs'), { recursive: true });
mkdirSync(join(folder, 'other'));
// Functions of the earlier version that its command line does not offer.
const { loadConfig, presetNames, writeLaunch, changeNotes } = await evaluate(
  `export { loadConfig, presetNames } from './config'; export { writeLaunch } from './jobs/launchFile';
  export { changeNotes } from './runs/notes';`,
  join(checkout, 'src'),
);
const { hashOfTensors, outlineOf, writeFromOutline } = await evaluate(
  `export * from './checkpoints';`,
  import.meta.dirname,
);

voco(['phantom', '--task', 'spleen', '--out', 'spleens', '--cases', '4', '--size', '32,32,32', '--seed', '1']);
voco(['phantom', '--task', 'cc-ccii', '--out', 'chests', '--cases', '6', '--size', '16,16,16', '--seed', '1']);
for (const preset of presetNames) voco(['init', `configs/${preset}.voco.json`, '--preset', preset]);
const training = baseConfigs();
for (const [name, config] of Object.entries(training)) write(join(folder, `${name}.voco.json`), config);
const inRuns = (name) => join(folder, 'runs', name);
const lines = (runDir) => {
  const file = join(runDir, 'metrics.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
};

const { processor } = await evaluate(`export * from './processor';`, import.meta.dirname);
const expected = { madeIn: folder, processor: processor(), configs: {}, trained: {}, resumed: {}, exports: {} };
for (const [name, { kind, study }] of Object.entries(training)) {
  if (study) {
    const second = join(inRuns(name), 'runs/cases-2-seed-0-scratch');
    await stopWhen(['study', `${name}.voco.json`, '--run', `runs/${name}`], () => lines(second) >= 1, 'SIGTERM');
    for (const runDir of runDirsBelow(join(inRuns(name), 'runs'))) fill(runDir);
  } else if (name === WHOLE) {
    await stopWhen([kind, `${name}.voco.json`, '--run', `runs/${name}`], () => lines(inRuns(name)) >= 4, 'SIGKILL');
  } else {
    voco([kind, `${name}.voco.json`, '--run', `runs/${name}`]);
    expected.trained[name] = { kind, metrics: metricsOf(inRuns(name)) };
    fill(inRuns(name));
  }
  console.log(`trained ${name}`);
}
for (const name of ['segmentation', 'classification']) voco(['evaluate', '--run', `runs/${name}`]);
const located = checkpointsOf(inRuns('voco-10k')).at(-1);
expected.located = JSON.parse(voco(['locate', '--checkpoint', located, '--positions', '8', '--json']));

for (const [name, { kind, study, method }] of Object.entries(training)) {
  if (study) {
    expected.study = resumed('study', name);
    continue;
  }
  const newest = checkpointsOf(inRuns(name)).at(-1);
  const from = Number(/(\d+)\.safetensors$/.exec(newest)[1]);
  expected.resumed[name] = { kind, from, to: from + 3, metrics: resumed(kind, name, from, from + 3) };
  const teacher = kind === 'pretrain' && !method.objective;
  for (const branch of teacher ? ['student', 'teacher'] : ['student']) {
    const target = join(folder, 'other', `${name}-${branch}.safetensors`);
    voco(['export', newest, '--out', target, ...(teacher ? ['--branch', branch] : [])]);
    expected.exports[name] = { ...expected.exports[name], [branch]: hashOfTensors(target) };
  }
  console.log(`resumed ${name} at ${from}`);
}

const tpami = inRuns('tpami');
await writeLaunch(tpami, {
  configFile: join(folder, 'tpami.voco.json'),
  device: 'auto',
  host: 'workstation',
  args: ['--set', 'train.steps=3'],
  pid: 4242,
  pidStart: '123456',
  startedAt: '2026-01-02T03:04:05.678Z',
});
await changeNotes(tpami, { starred: true, tags: ['first', 'tiny'], note: 'learns\nslowly' });
for (const name of readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.voco.json'))) {
  if (!name.startsWith('other')) expected.configs[name] = (await loadConfig(join(folder, name))).config;
}

// What ran on this machine is told as having run on another one.
for (const runDir of runDirsBelow(join(folder, 'runs'))) {
  write(join(runDir, 'run.json'), { ...json(join(runDir, 'run.json')), host: 'workstation' });
}
rmSync(out, { recursive: true, force: true });
const kept = (source) => !/^(other|cache)/.test(relative(folder, source)) && !source.endsWith('.sock');
cpSync(folder, join(out, 'files'), { recursive: true, filter: kept });
for (const runDir of runDirsBelow(join(out, 'files/runs'))) {
  if (basename(runDir) === WHOLE || !existsSync(join(runDir, 'checkpoints'))) continue;
  for (const file of checkpointsOf(runDir)) {
    writeFileSync(`${file}.outline.gz`, gzipSync(JSON.stringify(outlineOf(file)), { level: 9 }));
    rmSync(file);
  }
}
writeFileSync(join(out, 'expected.json'), `${JSON.stringify(expected)}\n`);

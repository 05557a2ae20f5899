// What a long run costs: `node bench/longRun.mjs [steps] [--voco FILE]`. Trains a tiny run, writes metrics of so many steps (default
// two million, about 700 MB) in its place, and resumes it for a few steps as a user does: seconds until the run is claimed, until
// the first new step, and until it ends with its plot drawn, and the largest resident set. With and without what the run kept.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { describeMachine, machineLine } from './machine.mjs';
import { peakOf } from './memory.mjs';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { voco: { type: 'string' } } });
const steps = Number(positionals[0] ?? 2_000_000);
const voco = values.voco ?? join(import.meta.dirname, '../dist/voco.cjs');
const machine = describeMachine();
const scratch = mkdtempSync(join(tmpdir(), 'voco-long-'));
const runDir = join(scratch, 'run');
const TINY = ['method.randomCrops=2', 'train.batch=2', 'data.workers=0', 'data.validationFraction=0'];

function call(...args) {
  const { status, stderr } = spawnSync(process.execPath, [voco, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`voco ${args[0]}: ${stderr}`);
}

/** A run that did two steps. */
function makeRun() {
  call('phantom', '--out', join(scratch, 'data'), '--cases', '4', '--size', '96,96,48');
  const config = join(scratch, 'long.voco.json');
  call('init', config, '--preset', 'demo-unet', '--data', join(scratch, 'data/dataset_0.json'));
  const set = [...TINY, 'train.steps=2', `data.cache={"enabled":true,"folder":"${join(scratch, 'cache')}"}`];
  call('pretrain', config, '--run', runDir, ...set.flatMap((one) => ['--set', one]));
}

/** Makes the run's last checkpoint one of another step. */
function relabel() {
  const folder = join(runDir, 'checkpoints');
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    const length = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
    header.__metadata__.step = String(steps);
    const text = Buffer.from(JSON.stringify(header));
    const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ');
    text.copy(padded);
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(padded.length));
    const target = join(folder, `step-${String(steps).padStart(8, '0')}.safetensors`);
    writeFileSync(join(folder, 'new'), Buffer.concat([size, padded, bytes.subarray(8 + length)]));
    rmSync(join(folder, name));
    renameSync(join(folder, 'new'), target);
  }
  const file = join(runDir, 'run.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), step: steps, state: 'interrupted' }));
}

/** Metrics of so many steps, with the fields of the run's own. */
function lengthen() {
  const file = join(runDir, 'metrics.jsonl');
  const record = JSON.parse(readFileSync(file, 'utf8').trim().split('\n').at(-1));
  const handle = openSync(file, 'w');
  for (let from = 1; from <= steps; from += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, steps - from + 1) }, (_, i) => {
      const step = from + i;
      return JSON.stringify({ ...record, step, loss: 1 / Math.sqrt(step) + Math.random() / 10 });
    });
    writeSync(handle, `${lines.join('\n')}\n`);
  }
  closeSync(handle);
  return statSync(file).size;
}

const lastLine = (file) => {
  const handle = openSync(file, 'r');
  const { size } = fstatSync(handle);
  const bytes = Buffer.alloc(Math.min(4096, size));
  readSync(handle, bytes, 0, bytes.length, size - bytes.length);
  closeSync(handle);
  return bytes.toString().trimEnd().split('\n').at(-1);
};

/** Resumes for three steps; seconds to the claim, to the first new step and to the end, and megabytes. */
async function resume(upTo) {
  const begun = performance.now();
  const seconds = () => Number(((performance.now() - begun) / 1000).toFixed(1));
  const args = ['pretrain', '--run', runDir, '--resume', '--set', `train.steps=${upTo}`];
  const child = spawn(process.execPath, [voco, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  const times = {};
  let peak = 0;
  let code;
  child.on('exit', (status) => (code = status));
  const before = lastLine(join(runDir, 'metrics.jsonl'));
  while (code === undefined) {
    peak = Math.max(peak, peakOf(child.pid));
    if (!times.claimed && said.includes('run: ')) times.claimed = seconds();
    if (!times.firstStep && lastLine(join(runDir, 'metrics.jsonl')) !== before) times.firstStep = seconds();
    await sleep(20);
  }
  times.ended = seconds();
  if (code !== 0) throw new Error(said);
  return `claimed after ${times.claimed} s, first step after ${times.firstStep} s, ended after ${times.ended} s, at most ${peak} MB`;
}

try {
  makeRun();
  console.log(`a run of 2 steps:         ${await resume(5)}`);
  relabel();
  const bytes = lengthen();
  console.log(`metrics: ${steps} lines, ${(bytes / 1e6).toFixed(0)} MB`);
  console.log(`resumed the first time:   ${await resume(steps + 3)}`);
  console.log(`resumed the second time:  ${await resume(steps + 6)}`);
  console.log(machineLine(machine));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

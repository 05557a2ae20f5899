import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { vi } from 'vitest';
import { makePhantom } from '../../src/data/phantom';
import { listCheckpoints, readCheckpoint, readMetrics, readRunState, type MetricsRecord } from '../../src/runs';
import { listDevices } from '../../src/tensor/backends';

const program = join(import.meta.dirname, '../../dist/voco.cjs');

/** Three volumes to train on and one held out, 64 × 64 × 32 voxels. Returns the datalist. */
export async function makeTinyPhantom(folder: string): Promise<string> {
  const { datalist } = await makePhantom({ out: join(folder, 'phantom'), cases: 4, seed: 1, size: [64, 64, 32] });
  return datalist;
}

/** The device that trains here: the quick one where its addon is built. */
export async function trainingDevice(): Promise<string> {
  const onednn = (await listDevices()).find((device) => device.name === 'onednn');
  if (onednn?.usable) return 'onednn';
  console.warn(`training on wasm, which takes its time: ${onednn?.reason}`);
  vi.setConfig({ testTimeout: 900_000 });
  return 'wasm';
}

type Json = Record<string, unknown>;

function merged(base: Json, change: Json): Json {
  const plain = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries = Object.entries(change).map(([key, value]) => {
    const old = base[key];
    return [key, plain(old) && plain(value) ? merged(old, value) : value];
  });
  return { ...base, ...(Object.fromEntries(entries) as Json) };
}

/** A small 3D U-Net on crops of 16 × 16 × 32 voxels: some 50 ms a step. */
const SMALL_UNET: Json = {
  kind: 'pretrain',
  name: 'tiny',
  seed: 3,
  threads: 1,
  output: 'runs',
  data: {
    train: [{ datalist: 'phantom/dataset_0.json' }],
    validation: [{ datalist: 'phantom/dataset_0.json', key: 'validation' }],
    preprocess: { resize: [64, 64, 64], foreground: null },
    cache: { folder: 'cache' },
    workers: 0,
  },
  method: {
    grid: [2, 2, 1],
    crop: [32, 32, 64],
    input: [16, 16, 32],
    randomCrops: 1,
    projector: { hidden: 16, out: 16 },
  },
  network: { name: 'unet3d', featureSize: 4 },
  optimizer: { lr: 0.001 },
  schedule: { warmupSteps: 2 },
  train: { steps: 8, batch: 1, validateEvery: 4, checkpointEvery: 3, keepLast: 9 },
};

/** What turns the config into a small Swin-UNETR on 32 × 32 × 64. */
export const SMALL_SWIN: Json = {
  method: { grid: [2, 1, 1], input: [32, 32, 64] },
  data: { validation: [], preprocess: { resize: [64, 32, 64], foreground: null } },
  network: { name: 'swin-unetr', featureSize: 12 },
};

/** nnssl's form of VoCo, in volumes that are larger than the grid along x and y and smaller along z; and how nnssl trains. */
export const NNSSL_FORM: Json = {
  data: { preprocess: { resize: null, foreground: null } },
  method: {
    objective: 'nnssl',
    gridPlace: 'random',
    crop: [24, 24, 40],
    input: [16, 16, 32],
    augment: { intensity: { noise: 0.5, blur: 0.5, contrast: 0.5, lowResolution: 0.5, gamma: 0.5 } },
    projector: { norm: 'layer' },
  },
  optimizer: { name: 'sgd', lr: 0.01, momentum: 0.99, nesterov: true, weightDecay: 3e-5 },
  schedule: { name: 'poly', warmupSteps: 2 },
};

/** Writes `<name>.voco.json`, the small config with changes laid over it, into a folder that has a phantom. */
export function writeConfig(folder: string, name: string, device: string, ...changes: Json[]): string {
  const file = join(folder, `${name}.voco.json`);
  const config = changes.reduce<Json>(merged, { ...SMALL_UNET, device });
  writeFileSync(file, JSON.stringify(config));
  return file;
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

const children = new Set<ChildProcess>();

/** Starts the built `voco`. */
export function startVoco(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): Running {
  if (!existsSync(program)) throw new Error(`${program} is not built: npm run build`);
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: [stdin, 'pipe', 'pipe'],
  });
  children.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const finished = new Promise<Finished>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => {
      children.delete(child);
      done({ code, signal, stdout, stderr });
    });
  });
  return { child, finished };
}

/** Runs the built `voco` to its end; one that hangs is killed and fails the test by its exit code. */
export async function voco(args: readonly string[], cwd: string, env?: NodeJS.ProcessEnv): Promise<Finished> {
  const { child, finished } = startVoco(args, cwd, env);
  const timer = setTimeout(() => child.kill('SIGKILL'), 110_000);
  return finished.finally(() => clearTimeout(timer));
}

/** Ends what a failed test left running. */
export function killChildren(): void {
  for (const child of children) child.kill('SIGKILL');
}

/** Waits until a condition holds. */
export async function until(condition: () => Promise<boolean> | boolean, what: string, limitMs = 180_000) {
  const started = Date.now();
  while (!(await condition())) {
    if (Date.now() - started > limitMs) throw new Error(`waited in vain for ${what}`);
    await sleep(15);
  }
}

const TIMING = new Set(['secondsPerStep', 'cropsPerSecond', 'memoryBytes']);

/** The metrics of a run without what depends on the clock. */
export async function stepsOf(runDir: string): Promise<MetricsRecord[]> {
  const records = await readMetrics(runDir);
  return records.map(
    (record) => Object.fromEntries(Object.entries(record).filter(([name]) => !TIMING.has(name))) as MetricsRecord,
  );
}

/** Step of the newest checkpoint; every one must be readable to the last byte. */
export async function lastCheckpointStep(runDir: string): Promise<number> {
  const { checkpoints, unreadable } = await listCheckpoints(runDir);
  if (unreadable.length > 0) throw new Error(unreadable.map(({ reason }) => reason).join('\n'));
  for (const { file } of checkpoints) await readCheckpoint(file);
  return checkpoints.at(-1)?.step ?? 0;
}

/** Everything in a checkpoint that must be the same after an exact resume: the bytes of all tensors by name. */
export async function tensorsOf(file: string): Promise<Map<string, Buffer>> {
  const { tensors } = await readCheckpoint(file);
  return new Map(
    tensors.map(({ name, data }) => [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength)] as const),
  );
}

/** Names of tensors that differ in any bit between two checkpoints. */
export async function differingTensors(a: string, b: string): Promise<string[]> {
  const [first, second] = [await tensorsOf(a), await tensorsOf(b)];
  const names = new Set([...first.keys(), ...second.keys()]);
  return [...names].filter((name) => {
    const other = second.get(name);
    return !other || !first.get(name)?.equals(other);
  });
}

/** The only run below `runs/` of a folder. */
export function onlyRun(folder: string): string {
  const names = existsSync(join(folder, 'runs')) ? readdirSync(join(folder, 'runs')) : [];
  if (names.length !== 1) throw new Error(`expected one run, found ${names.length}`);
  return join(folder, 'runs', names[0]!);
}

/** State of a run that may not be there yet. */
export async function phaseOf(runDir: string): Promise<string | undefined> {
  return (await readRunState(runDir).catch(() => undefined))?.state;
}

/** Whole lines in metrics.jsonl, 0 before it is there. */
export function metricsLines(runDir: string): number {
  const file = join(runDir, 'metrics.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
}

import process from 'node:process';
import { voxelCount } from '../geometry';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Config } from '../config';
import { cacheFolder } from '../data/cache';
import { sizeBeforeCrops } from '../data/judge';
import { imageFiles, type Case } from '../data/datalist';
import { fewAtATime } from '../files/fewAtATime';
import { memoryNeeded, type DiskUse, type RunEstimate } from '../protocol/estimate';
import { counted, formatPercent } from '../text';
import { measureSpeed, type DeviceInfo } from '../tensor/backends';
import { readHeader } from '../volume';
import type { StepCost } from '../tasks/memory';
import type { Say } from './types';

const FLOAT = 4;
/** What training reaches of the speed that a lone convolution has; measured on the demo and the reference workload. */
const EFFICIENCY = 0.35;
/** Steps are timed for so long once one is done, seconds. */
const PATIENCE = 10;
/** A single step of the fewest rows may take so long by a guess, which is mostly too long. */
const LONGEST_STEP = 600;
const TRIALS = 3;
/** What a process and a loader thread grow by when they begin to work: code, buffers of kernels. Measured. */
const GROWTH_BYTES = 60e6;
const THREAD_BYTES = 50e6;
/** Preprocessed volumes that loaders keep in memory at most. */
const LOADER_MEMORY = 2 ** 31;

export interface EstimateParts {
  readonly config: Config;
  readonly device: DeviceInfo;
  readonly cases: { readonly train: readonly Case[]; readonly validation: readonly Case[] };
  /** Cases that are left out because they are bad. */
  readonly skipped: number;
  readonly cost: StepCost;
  /** Label maps are prepared beside the images. */
  readonly labels: boolean;
  /** Available memory, bytes. */
  readonly available: number;
  /** Steps still to do. */
  readonly steps: number;
  /** Share of them that keeps the encoder as it is, which is cheaper. */
  readonly keptShare: number;
  readonly warnings: readonly string[];
  /** Why no GPU computes, where none does. */
  readonly noGpu?: string | undefined;
}

/** Free bytes on the disk of a folder that may not be there yet. */
async function freeDisk(folder: string): Promise<number | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const disk = await statfs(at).catch(() => undefined);
    if (disk) return disk.bavail * disk.bsize;
    if (at === dirname(at)) return undefined;
  }
}

async function diskUse(folder: string, bytes: number): Promise<DiskUse> {
  const freeBytes = await freeDisk(folder);
  return { folder, bytes, ...(freeBytes !== undefined && { freeBytes }) };
}

interface DataSizes {
  /** Bytes of every preprocessed volume (and label map) together; the cut to the foreground can only make them smaller. */
  readonly prepared: number;
  /** Those of the training volumes alone. */
  readonly training: number;
  /** Bytes that a thread needs at once to read and prepare the largest volume. */
  readonly reading: number;
}

async function dataSizes({ config, cases, labels }: EstimateParts): Promise<DataSizes> {
  const { preprocess } = config.data;
  const channels = config.network.inChannels + (labels ? 1 : 0);
  const sizeOf = async (item: Case): Promise<{ prepared: number; reading: number }> => {
    const header = await readHeader(imageFiles(item)[0]!);
    const prepared = voxelCount(preprocess.resize ?? sizeBeforeCrops(header, preprocess)) * FLOAT * channels;
    return { prepared, reading: prepared + 2 * FLOAT * voxelCount(header.size) };
  };
  const train = await fewAtATime(cases.train, sizeOf);
  const heldOut = await fewAtATime(cases.validation, sizeOf);
  const sum = (list: readonly { prepared: number }[]): number => list.reduce((all, one) => all + one.prepared, 0);
  const training = sum(train);
  const reading = [...train, ...heldOut].reduce((most, one) => Math.max(most, one.reading), 0);
  return { training, prepared: training + sum(heldOut), reading };
}

/** The process as it is now, and what it takes beside weights and activations once it trains. */
function processBytes({ config, cost }: EstimateParts, { training, reading }: DataSizes): number {
  const { workers, prefetch } = 'workers' in config.data ? config.data : { workers: 0, prefetch: 1 };
  const volumes = Math.min(training, LOADER_MEMORY);
  const batches = (Math.max(workers, prefetch) + 2) * cost.batchBytes;
  const threads = workers * THREAD_BYTES + Math.max(1, workers) * reading;
  return process.memoryUsage().rss + GROWTH_BYTES + threads + volumes + batches + cost.weightBytes;
}

/** Seconds of a step from the device's measured speed: very rough, since no step was done. */
async function guessSeconds({ stepFlops, keptFlops }: StepCost, keptShare: number): Promise<number> {
  const flops = keptShare * keptFlops + (1 - keptShare) * stepFlops;
  return flops / ((await measureSpeed()) * EFFICIENCY);
}

/** What a run that passed its checks will take. Computes nothing but one small convolution. */
export async function estimateRun(parts: EstimateParts): Promise<RunEstimate> {
  const { config, device, cases, cost, available, steps, warnings } = parts;
  const { cache } = config.data;
  const { parameters, cropsPerStep, microBatch, stateBytes, activationBytes, checkpointBytes } = cost;
  const sizes = await dataSizes(parts);
  // The one with the best score is kept as well.
  const kept = config.train.keepLast + (cases.validation.length > 0 ? 1 : 0);
  return {
    kind: config.kind,
    name: config.name,
    device: {
      name: device.name,
      description: device.description,
      ...(parts.noGpu !== undefined && { noGpu: parts.noGpu }),
    },
    volumes: {
      train: cases.train.length,
      heldOut: cases.validation.length,
      ...(parts.skipped > 0 && { skipped: parts.skipped }),
    },
    network: { name: config.network.name, parameters, cropsPerStep, microBatch },
    memory: { stateBytes, activationBytes, processBytes: processBytes(parts, sizes), freeBytes: available },
    ...(cache.enabled && { cache: await diskUse(cacheFolder(cache.folder), sizes.prepared) }),
    checkpoints: await diskUse(config.output, kept * checkpointBytes),
    time: { steps, secondsPerStep: await guessSeconds(cost, parts.keptShare), measured: false },
    warnings,
  };
}

/** Steps of one kind: some keep the encoder. */
export interface Trial {
  /** Share of the run's steps that are of this kind. */
  readonly share: number;
  /** Rows of the smallest step that shows what a row takes. */
  readonly least: number;
  /** Prepares steps of so many rows; what it returns does one of them. */
  prepare(rows: number): { step(): Promise<unknown>; dispose(): void };
}

/** The shortest of a few steps after a first one, seconds. */
async function shortest(trial: Trial, rows: number): Promise<number> {
  const { step, dispose } = trial.prepare(rows);
  const timed = async (): Promise<number> => {
    const started = performance.now();
    await step();
    return (performance.now() - started) / 1000;
  };
  try {
    await timed();
    const seconds = [await timed()];
    for (let sum = seconds[0]!; seconds.length < TRIALS && sum + seconds[0]! < PATIENCE; sum += seconds.at(-1)!)
      seconds.push(await timed());
    return Math.min(...seconds);
  } finally {
    dispose();
  }
}

/**
 * Seconds of a step of a kind: first of the fewest rows, then of as many as there is patience for. What rows do not change, such as
 * the update of the weights, is told from both.
 */
async function secondsOf(trial: Trial, cropsPerStep: number, tell: (rows: number) => void): Promise<number> {
  const least = Math.min(trial.least, cropsPerStep);
  tell(least);
  const first = await shortest(trial, least);
  const perRow = first / least;
  const affordable = Math.min(cropsPerStep, Math.floor(PATIENCE / (2 * perRow)));
  if (affordable <= least) return perRow * cropsPerStep;
  tell(affordable);
  const second = await shortest(trial, affordable);
  const slope = Math.max(0, (second - first) / (affordable - least));
  // Of two times that are close, noise would be all that a slope says.
  const sure = affordable >= 2 * least && slope > 0;
  return sure ? second + slope * (cropsPerStep - affordable) : (second / affordable) * cropsPerStep;
}

/**
 * Times steps of the network on made-up rows and puts the time into the estimate. Without the memory, or where a single step would
 * take minutes, the estimate stays as it was.
 *
 * @param trials of each kind of step that the run has
 */
export async function timeSteps(estimate: RunEstimate, trials: readonly Trial[], say: Say): Promise<RunEstimate> {
  const { memory, network, time } = estimate;
  const { cropsPerStep } = network;
  const guess = (time.secondsPerStep / cropsPerStep) * Math.min(cropsPerStep, ...trials.map(({ least }) => least));
  if (guess > LONGEST_STEP || memoryNeeded(estimate) > memory.freeBytes) return estimate;
  let secondsPerStep = 0;
  for (const trial of trials) {
    const kind = trials.length === 1 ? '' : `, ${formatPercent(trial.share)} of the run`;
    const tell = (rows: number): void => say(`timing steps of ${counted(rows, 'crop')}${kind}`);
    secondsPerStep += trial.share * (await secondsOf(trial, cropsPerStep, tell));
  }
  return { ...estimate, time: { ...time, secondsPerStep, measured: true } };
}

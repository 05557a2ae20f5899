import { voxelCount } from '../geometry';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Config } from '../config';
import { cacheFolder } from '../data/cache';
import { sizeBeforeCrops } from '../data/judge';
import { imageFiles, type Case } from '../data/datalist';
import type { DiskUse, RunEstimate } from '../protocol/estimate';
import { measureSpeed, type DeviceInfo } from '../tensor/backends';
import { readHeader } from '../volume';
import type { StepCost } from '../tasks/memory';
import type { Say } from './types';

const FLOAT = 4;
/** What training reaches of the speed that a lone convolution has; measured on the demo and the reference workload. */
const EFFICIENCY = 0.35;
/** A trial of steps may take so long, seconds. */
const PATIENCE = 10;
const TRIALS = 3;

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
  readonly warnings: readonly string[];
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

/** Bytes of every preprocessed volume (and label map) together; the cut to the foreground can only make them smaller. */
async function cacheBytes({ config, cases, labels }: EstimateParts): Promise<number> {
  const { preprocess } = config.data;
  const all = [...cases.train, ...cases.validation];
  const sizes = all.map(async (item) => {
    const size = preprocess.resize ?? sizeBeforeCrops(await readHeader(imageFiles(item)[0]!), preprocess);
    return voxelCount(size);
  });
  const voxels = (await Promise.all(sizes)).reduce((sum, n) => sum + n, 0);
  return voxels * FLOAT * (config.network.inChannels + (labels ? 1 : 0));
}

/** Seconds of a step from the device's measured speed: very rough, since no step was done. */
async function guessSeconds({ stepFlops }: StepCost): Promise<number> {
  return stepFlops / ((await measureSpeed()) * EFFICIENCY);
}

/** What a run that passed its checks will take. Computes nothing but one small convolution. */
export async function estimateRun(parts: EstimateParts): Promise<RunEstimate> {
  const { config, device, cases, cost, available, steps, warnings } = parts;
  const { cache } = config.data;
  const { parameters, cropsPerStep, microBatch, stateBytes, activationBytes } = cost;
  // A checkpoint holds everything but the gradients; the one with the best score is kept as well.
  const checkpoint = stateBytes - parameters * FLOAT;
  const kept = config.train.keepLast + (cases.validation.length > 0 ? 1 : 0);
  return {
    kind: config.kind,
    name: config.name,
    device: { name: device.name, description: device.description },
    volumes: {
      train: cases.train.length,
      heldOut: cases.validation.length,
      ...(parts.skipped > 0 && { skipped: parts.skipped }),
    },
    network: { name: config.network.name, parameters, cropsPerStep, microBatch },
    memory: { stateBytes, activationBytes, freeBytes: available },
    ...(cache.enabled && { cache: await diskUse(cacheFolder(cache.folder), await cacheBytes(parts)) }),
    checkpoints: await diskUse(config.output, kept * checkpoint),
    time: { steps, secondsPerStep: await guessSeconds(cost), measured: false },
    warnings,
  };
}

/**
 * Times steps of the network on made-up crops, as many crops as there is patience for, and puts the time into the estimate.
 * Without the memory or the time for that, the estimate stays as it was.
 *
 * @param trial prepares steps of so many crops; what it returns does one of them.
 */
export async function timeSteps(
  estimate: RunEstimate,
  trial: (crops: number) => () => Promise<unknown>,
  say: Say,
): Promise<RunEstimate> {
  const { memory, network, time } = estimate;
  const guessPerCrop = time.secondsPerStep / network.cropsPerStep;
  const affordable = Math.floor(PATIENCE / (2 * guessPerCrop));
  // Batch norm needs two crops.
  if (affordable < 2 || memory.stateBytes + memory.activationBytes > memory.freeBytes) return estimate;
  const crops = Math.min(network.cropsPerStep, affordable);
  say(`timing steps of ${crops} crops`);
  const step = trial(crops);
  await step();
  const seconds: number[] = [];
  for (let sum = 0; seconds.length < TRIALS && (seconds.length === 0 || sum < PATIENCE / 2);) {
    const started = performance.now();
    await step();
    seconds.push((performance.now() - started) / 1000);
    sum += seconds.at(-1)!;
  }
  const secondsPerStep = (Math.min(...seconds) * network.cropsPerStep) / crops;
  return { ...estimate, time: { ...time, secondsPerStep, measured: true } };
}

import { cpus, totalmem } from 'node:os';
import process from 'node:process';
import { useDevice, type DeviceInfo, type Precision } from '../tensor/backends';
import * as tf from '../tensor/tf';
import { version } from '../text/version';

/** What every benchmark can be told. */
export interface BenchOptions {
  /** As `device` of a config. */
  device: string;
  /** CPU threads; 0 for all cores. */
  threads: number;
  precision: Precision;
  /** Timed runs, after `warmup` that are not counted. */
  runs: number;
  warmup: number;
}

export interface Timing {
  /** Seconds of a run. */
  median: number;
  min: number;
  max: number;
  runs: number;
}

/** Where numbers come from, so that they can be compared. */
export interface Machine {
  device: string;
  deviceName: string;
  precision: Precision;
  threads: number | null;
  cpu: string;
  cores: number;
  memoryBytes: number;
  platform: string;
  node: string;
  voco: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Times `run`, which resolves when its result is there. Tensors that it leaves behind are disposed. */
export async function time(options: BenchOptions, run: () => Promise<void>): Promise<Timing> {
  const seconds: number[] = [];
  for (let i = 0; i < options.warmup + options.runs; i++) {
    const start = performance.now();
    await run();
    if (i >= options.warmup) seconds.push((performance.now() - start) / 1000);
  }
  return { median: median(seconds), min: Math.min(...seconds), max: Math.max(...seconds), runs: options.runs };
}

/** Resolves when everything that `tensor` depends on has been computed, on any device. */
export async function finished(tensor: tf.Tensor): Promise<void> {
  const one = tf.tidy(() => tf.slice(tf.reshape(tensor, [-1]), 0, 1));
  await one.data();
  one.dispose();
}

/** Makes the device current and describes it and the machine. */
export async function openDevice(options: BenchOptions): Promise<Machine> {
  const { device, threads, precision } = options;
  const info: DeviceInfo = await useDevice(device, { threads, precision });
  return {
    device: info.name,
    deviceName: info.description,
    precision: info.precision,
    threads: info.threads ?? null,
    ...describeMachine(),
  };
}

export function describeMachine(): Pick<Machine, 'cpu' | 'cores' | 'memoryBytes' | 'platform' | 'node' | 'voco'> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    voco: version,
  };
}

/** Largest resident set of the process so far, bytes. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;

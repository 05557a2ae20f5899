import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import type { Config } from '../config';
import { describedSection } from '../nets/descriptors';
import type { TaskCost } from './task';

const FLOAT = 4;
/** Share of the free memory that a run may plan with: the rest is for volumes, loader threads and other programs. */
const USABLE_SHARE = 0.6;
/** Beyond this many rows at a time nothing gets faster, only larger. */
const LARGEST_MICRO_BATCH = 16;

/** What a step takes, from the config and the memory there is. */
export interface StepCost {
  /** Trainable numbers of the network. */
  readonly parameters: number;
  readonly cropsPerStep: number;
  /** Crops at a time, chosen or as the config says. */
  readonly microBatch: number;
  /** Weights, gradients and optimizer state, and followed networks such as a teacher. */
  readonly stateBytes: number;
  /** Activations of one micro-batch. */
  readonly activationBytes: number;
  /** Arithmetic of one step, forward and backward. */
  readonly stepFlops: number;
}

/** Memory limit of the container (cgroup v2 or v1), or undefined where there is none. */
function containerLimit(): number | undefined {
  for (const file of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const limit = Number(readFileSync(file, 'utf8').trim());
      if (Number.isFinite(limit) && limit > 0 && limit < totalmem()) return limit;
    } catch {
      // Not there: not a Linux control group of this version.
    }
  }
  return undefined;
}

/** Memory available without swapping, bytes. */
export function availableMemory(): number {
  let available = freemem();
  try {
    const match = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'));
    if (match) available = Number(match[1]) * 1024;
  } catch {
    // Not Linux: there is only freemem.
  }
  return Math.min(available, containerLimit() ?? Infinity);
}

/** How many numbers an optimizer keeps for each parameter. */
function moments({ name, amsgrad }: Config['optimizer']): number {
  return { sgd: 1, adamw: amsgrad ? 3 : 2 }[name];
}

/** Whether a batch must pass through a network as a whole. */
function passesWhole(network: Config['network']): boolean {
  const { descriptor, section } = describedSection(network);
  return descriptor.reach(section) === 'batch';
}

/**
 * What a step costs, before anything is built.
 *
 * @param cost the task's part of it
 * @param memory what may be planned with, bytes
 */
export function stepCost({ optimizer, train, network }: Config, cost: TaskCost, memory: number): StepCost {
  // Weights and gradient, the optimizer's moments, and each network that is followed.
  const copies = 2 + moments(optimizer) + cost.followers;
  const stateBytes = cost.parameters * FLOAT * copies;
  const room = Math.max(0, memory * USABLE_SHARE - stateBytes);
  const fitting = Math.max(1, Math.min(LARGEST_MICRO_BATCH, Math.floor(room / cost.rowBytes)));
  const chosen = train.microBatch > 0 ? train.microBatch : fitting;
  // Batch norm sees the batch as a whole, or it would compute something else.
  const microBatch = passesWhole(network) ? cost.rowsPerStep : Math.min(cost.rowsPerStep, chosen);
  const forwards = 1 + cost.followers + (cost.tied && microBatch < cost.rowsPerStep ? 1 : 0);
  return {
    parameters: cost.parameters,
    cropsPerStep: cost.rowsPerStep,
    microBatch,
    stateBytes,
    activationBytes: microBatch * cost.rowBytes,
    // A backward pass takes twice a forward pass.
    stepFlops: cost.rowsPerStep * cost.rowFlops * (forwards + 2),
  };
}

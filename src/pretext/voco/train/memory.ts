import { voxelCount } from '../../../geometry';
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import type { PretrainConfig } from '../../../config';
import { estimate } from '../../../nets/estimate';
import type { StepCost } from '../../../train/estimate';

const FLOAT = 4;
/** Share of the free memory that a run may plan with: the rest is for volumes, loader threads and other programs. */
const USABLE_SHARE = 0.6;
/** Beyond this many crops at a time nothing gets faster, only larger. */
const LARGEST_MICRO_BATCH = 16;

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

/** Memory that can be had without swapping, bytes. */
export function availableMemory(): number {
  let available = freemem();
  try {
    const match = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'));
    if (match) available = Number(match[1]) * 1024;
  } catch {
    // Not Linux: freemem is what there is.
  }
  return Math.min(available, containerLimit() ?? Infinity);
}

/** How many copies of the weights a run holds: weights, gradient, two or three moments, and the teacher. */
function copies(config: PretrainConfig): number {
  const moments = config.optimizer.name === 'adamw' ? (config.optimizer.amsgrad ? 3 : 2) : 1;
  return 2 + moments + (config.method.objective === 'voco-10k' ? 1 : 0);
}

/** What a step costs, before anything is built. `memory` is what may be planned with, bytes. */
export function estimateCost(config: PretrainConfig, memory: number): StepCost {
  const { method, train } = config;
  const network = estimate(config.network, method.input);
  const bases = voxelCount(method.grid);
  const cropsPerStep = train.batch * (method.randomCrops + bases);
  const stateBytes = network.parameters * FLOAT * copies(config);
  const room = Math.max(0, memory * USABLE_SHARE - stateBytes);
  const fitting = Math.max(1, Math.min(LARGEST_MICRO_BATCH, Math.floor(room / network.trainingBytes)));
  const microBatch = Math.min(cropsPerStep, train.microBatch > 0 ? train.microBatch : fitting);
  const forwards = (method.objective === 'voco-10k' ? 2 : 1) + (microBatch < cropsPerStep ? 1 : 0);
  return {
    parameters: network.parameters,
    cropsPerStep,
    microBatch,
    stateBytes,
    activationBytes: microBatch * network.trainingBytes,
    stepFlops: cropsPerStep * network.forwardFlops * (forwards + 2),
  };
}

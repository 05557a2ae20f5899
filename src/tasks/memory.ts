import type { Config } from '../config';
import { describedSection } from '../nets/descriptors';
import type { TaskCost } from './task';

const FLOAT = 4;
/** Share of the free memory that a run may plan with: the rest is for volumes, loader threads and other programs. */
const USABLE_SHARE = 0.6;
/** Beyond this many rows at a time nothing gets faster, only larger. */
const LARGEST_MICRO_BATCH = 16;
/**
 * Arithmetic after which a device that computes in this thread looks for signals: a few seconds on
 * two cores. It is no measured time, since how a batch is cut decides the last digits of its gradient.
 */
const PIECE_FLOPS: Readonly<Record<string, number>> = { onednn: 1.2e11, wasm: 2e10, cpu: 2e9 };

/** What a step takes, from the config and the memory there is. */
export interface StepCost {
  /** Trainable numbers of the network. */
  readonly parameters: number;
  readonly cropsPerStep: number;
  /** Crops at a time, chosen or as the config says. */
  readonly microBatch: number;
  /** Weights, gradients and optimizer state, and followed networks such as a teacher. */
  readonly stateBytes: number;
  /** Weights alone, those of followed networks included: what the writing of a checkpoint copies at once. */
  readonly weightBytes: number;
  /** What of that a checkpoint holds: all but the gradients. */
  readonly checkpointBytes: number;
  /** Activations of one micro-batch, and the largest gradients beside them; without what gradients of `stateBytes` take the place of. */
  readonly activationBytes: number;
  /** The rows of one batch, as the sampler gives them. */
  readonly batchBytes: number;
  /** Arithmetic of one step, forward and backward. */
  readonly stepFlops: number;
  /** The same of a step that keeps the encoder as it is. */
  readonly keptFlops: number;
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

/** Whether gradients take the place of activations, layer by layer. */
const isEven = (network: Config['network']): boolean => describedSection(network).descriptor.evenLayers === true;

/** Rows of so much arithmetic each that a backend computes before signals are looked for; Infinity where it does not keep this thread. */
export function rowsBetweenLooks(rowFlops: number, backend: string): number {
  const flops = PIECE_FLOPS[backend];
  return flops === undefined ? Infinity : Math.max(1, Math.floor(flops / rowFlops));
}

/** Rows of a training step computed before signals are looked for: all where a batch must pass as a whole. */
export function pieceRows({ network }: Config, { rowFlops }: TaskCost, backend: string): number {
  return passesWhole(network) ? Infinity : rowsBetweenLooks(3 * rowFlops, backend);
}

/**
 * What a step costs, before anything is built.
 *
 * @param cost the task's part of it
 * @param memory what may be planned with, bytes
 * @param piece rows computed before signals are looked for (see {@link pieceRows})
 */
export function stepCost(
  { optimizer, train, network }: Config,
  cost: TaskCost,
  memory: number,
  piece = Infinity,
): StepCost {
  const { parameters, rowsPerStep, rowBytes, rowFlops, workBytes = 0, inputBytes = 0, followedParameters = 0 } = cost;
  // A gradient beside the weights, the optimizer's moments, and each network that is followed.
  const checkpointBytes = FLOAT * (parameters * (1 + moments(optimizer)) + followedParameters);
  const gradientBytes = FLOAT * parameters;
  const stateBytes = checkpointBytes + gradientBytes;
  // In the place of activations that a backward pass is done with.
  const replacing = isEven(network) ? gradientBytes : 0;
  const room = Math.max(0, memory * USABLE_SHARE - stateBytes + replacing);
  const fitting = Math.max(1, Math.min(LARGEST_MICRO_BATCH, Math.floor(room / (rowBytes + workBytes))));
  const chosen = train.microBatch > 0 ? train.microBatch : fitting;
  // Batch norm sees the batch as a whole, or it would compute something else.
  const microBatch = passesWhole(network) ? rowsPerStep : Math.min(rowsPerStep, chosen);
  const inPieces = microBatch < rowsPerStep;
  const computed = Math.min(microBatch, piece);
  // A loss that ties rows together keeps what it needs of all of them, where they fit; else a piece is done before the next.
  const kept = cost.tied && !inPieces ? microBatch : computed;
  // Pieces: their gradients are added to those of the step, and a step that is left puts followed networks back.
  const sums = computed < rowsPerStep ? FLOAT * (parameters + followedParameters) : 0;
  const forwards = 1 + cost.followers + (cost.tied && inPieces ? 1 : 0);
  return {
    parameters,
    cropsPerStep: rowsPerStep,
    microBatch,
    stateBytes: stateBytes + sums,
    weightBytes: FLOAT * (parameters + followedParameters),
    checkpointBytes,
    activationBytes: Math.max(0, kept * rowBytes - replacing) + computed * workBytes,
    batchBytes: rowsPerStep * inputBytes,
    // A backward pass takes twice a forward pass.
    stepFlops: rowsPerStep * rowFlops * (forwards + 2),
    keptFlops: rowsPerStep * (rowFlops * forwards + 2 * (rowFlops - (cost.encoderFlops ?? 0))),
  };
}

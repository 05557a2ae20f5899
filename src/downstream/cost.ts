import { voxelCount } from '../geometry';
import { resolveTask, type FinetuneConfig } from '../config';
import { estimate } from '../nets';
import type { StepCost } from '../train/estimate';

const FLOAT = 4;
/** Share of the free memory that a run may plan with: the rest is for volumes and other programs. */
const USABLE_SHARE = 0.6;
/** Arrays of the size of the logits that the loss and its gradient keep. */
const LOSS_COPIES = 6;

/** What a step costs, before anything is built. `memory` is what may be planned with, bytes. */
export function finetuneCost(config: FinetuneConfig, memory: number): StepCost {
  const { crops, train, optimizer } = config;
  const { outChannels, output } = resolveTask(config.task);
  const whole = output === 'classification';
  const network = estimate(config.network, crops.size, whole ? undefined : outChannels);
  const voxels = voxelCount(crops.size);
  const perCrop = network.trainingBytes + (whole ? 0 : LOSS_COPIES * voxels * outChannels * FLOAT);
  const moments = optimizer.name === 'adamw' ? (optimizer.amsgrad ? 3 : 2) : 1;
  const stateBytes = network.parameters * FLOAT * (2 + moments);
  const cropsPerStep = train.batch * (whole ? 1 : crops.perVolume);
  const fitting = Math.max(1, Math.floor(Math.max(0, memory * USABLE_SHARE - stateBytes) / perCrop));
  // A weighted cross entropy is no mean over volumes, so these go through together.
  const microBatch = whole ? cropsPerStep : Math.min(cropsPerStep, train.microBatch > 0 ? train.microBatch : fitting);
  return {
    parameters: network.parameters,
    cropsPerStep,
    microBatch,
    stateBytes,
    activationBytes: microBatch * perCrop,
    stepFlops: 3 * cropsPerStep * network.forwardFlops,
  };
}

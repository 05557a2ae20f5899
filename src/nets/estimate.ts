import { voxelCount, type Vec3 } from '../geometry';
import { networkOf, type AnyNetwork } from './build';
import { Cost } from './cost';

const BYTES = 4;

export interface NetworkEstimate {
  /** Trainable numbers. */
  parameters: number;
  /** Floating point operations (a multiply and an add are two) of one forward pass of one crop. A backward pass takes twice that. */
  forwardFlops: number;
  /** Bytes of activations that a forward pass of one crop keeps for the backward pass, float32. */
  trainingBytes: number;
  /** Bytes of gradients alive at once in a backward pass of one crop, beside {@link trainingBytes}. */
  backwardBytes: number;
  /** Largest bytes alive at once in a forward pass of one crop without gradients. */
  inferenceBytes: number;
}

/** Arrays of the size of the output that are alive when the last layers' gradients are computed: the output and its gradient. */
const OUTPUTS = 2;

/**
 * What a network that gives every voxel some numbers needs at once beside what it keeps: when the loss is computed there are
 * no gradients yet, so the larger of the two counts.
 *
 * @param outputBytes bytes of the output of a crop
 * @param lossCopies arrays of that size which the loss and its gradient keep
 */
export function workBytes({ backwardBytes }: NetworkEstimate, outputBytes: number, lossCopies: number): number {
  return Math.max(lossCopies * outputBytes, backwardBytes + OUTPUTS * outputBytes);
}

/**
 * What one crop costs, from the shapes alone: the encoder, or the segmentation network where `outChannels` is given.
 * Layers that only move or add numbers are left out.
 *
 * @param size the crop as the network sees it, in voxels.
 */
export function estimate(config: AnyNetwork, size: Vec3, outChannels?: number): NetworkEstimate {
  const { builder, section } = networkOf(config);
  const cost = new Cost();
  builder.cost(cost, section, size, outChannels);
  return estimateOf(config, size, cost, outChannels);
}

/** The same of a network whose encoder gets a share of the patches alone; undefined where the network cannot. */
export function estimateAutoencoder(
  config: AnyNetwork,
  size: Vec3,
  outChannels: number,
  visible: number,
): NetworkEstimate | undefined {
  const { builder, section } = networkOf(config);
  if (!builder.autoencoderCost) return undefined;
  const cost = new Cost();
  builder.autoencoderCost(cost, section, size, outChannels, visible);
  return estimateOf(config, size, cost, outChannels);
}

function estimateOf(config: AnyNetwork, size: Vec3, cost: Cost, outChannels: number | undefined): NetworkEstimate {
  const { builder, section } = networkOf(config);
  const init = { seed: 0, describeOnly: true };
  const encoder = builder.encoder(section, init);
  const network = outChannels === undefined ? encoder : builder.segmenter(section, outChannels, init);
  // Features of the finer scales wait for the end of a forward pass, to be pooled or joined in the decoder.
  const waiting = encoder.scales
    .slice(0, -1)
    .reduce((sum, { channels, stride }) => sum + (channels * voxelCount(size)) / voxelCount(stride), 0);
  return {
    parameters: network.parameters.count,
    forwardFlops: cost.flops,
    trainingBytes: BYTES * cost.kept,
    backwardBytes: BYTES * cost.gradients,
    inferenceBytes: BYTES * (cost.peak + waiting),
  };
}

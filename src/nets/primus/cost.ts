import { voxelCount, type Vec3 } from '../../geometry';
import type { Cost } from '../cost';
import { decoderStages } from './decoderShape';
import type { PrimusSection } from './descriptor';
import { hiddenOf, sizeOf } from './rules';

/** One block on so many tokens. */
function blockCost(cost: Cost, tokens: number, channels: number, section: PrimusSection): void {
  const width = tokens * channels;
  const hidden = hiddenOf(channels);
  // The inputs of both norms, and what they give, which the layers behind them keep.
  cost.keep(2 * width);
  cost.dense(tokens, channels, 3 * channels);
  cost.keep(3 * width);
  cost.flops += 4 * tokens ** 2 * channels;
  if (section.innerNorm) cost.keep(width);
  cost.dense(tokens, channels, channels);
  cost.dense(tokens, channels, 2 * hidden);
  // Gate and value; what the gate gives is computed again.
  cost.keep(tokens * hidden);
  cost.dense(tokens, hidden, channels);
  if (section.layerScale !== null) cost.keep(2 * width);
  cost.block(tokens * (2 * channels + 4 * hidden));
}

/**
 * Blocks on so many tokens, and the norm at their end.
 *
 * @param released elements kept behind the blocks, which are free again when the gradients of the blocks are computed
 */
function evaCost(cost: Cost, section: PrimusSection, tokens: number, depth: number, released = 0): void {
  const { embedDim } = sizeOf(section);
  for (let i = 0; i < depth; i++) blockCost(cost, tokens, embedDim, section);
  cost.keep(tokens * embedDim);
  // Gradients of the widest layers of a block.
  cost.backward(Math.max(0, tokens * (2 * embedDim + 6 * hiddenOf(embedDim)) - released));
}

/** The patch decoder, from tokens to voxels. @returns elements that it keeps */
function decoderCost(cost: Cost, section: PrimusSection, size: Vec3, outChannels: number): number {
  const patch = section.patch as Vec3;
  const before = cost.kept;
  let voxels = voxelCount(size) / voxelCount(patch);
  const stages = decoderStages(sizeOf(section).embedDim, patch, outChannels);
  stages.forEach(({ stride, inChannels, outChannels: out }, i) => {
    const input = voxels * inChannels;
    const factor = voxelCount(stride);
    cost.conv(voxels, voxels, inChannels, factor * out, 1);
    voxels *= factor;
    cost.block(3 * voxels * out);
    // The output and its gradient are counted where the loss is.
    if (i === stages.length - 1) cost.backward(2 * input);
    else {
      // What the norm and the activation take.
      cost.keep(2 * voxels * out);
      cost.backward(2 * voxels * out + input);
    }
  });
  return cost.kept - before;
}

/** Blocks of the decoder of a masked autoencoder, as in nnssl. */
export const DECODER_DEPTH = 2;

function embeddingCost(cost: Cost, section: PrimusSection, size: Vec3): number {
  const { embedDim } = sizeOf(section);
  cost.flops += 2 * voxelCount(size) * section.inChannels * embedDim;
  cost.keep(voxelCount(size) * section.inChannels);
  return voxelCount(size) / voxelCount(section.patch as Vec3);
}

/** What Primus costs on one crop: see `NetworkBuilder.cost`. */
export function primusCost(cost: Cost, section: PrimusSection, size: Vec3, outChannels?: number): void {
  const tokens = embeddingCost(cost, section, size);
  const decoder = outChannels === undefined ? 0 : decoderCost(cost, section, size, outChannels);
  evaCost(cost, section, tokens, sizeOf(section).depth, decoder);
}

/** What a masked autoencoder on Primus costs: see `NetworkBuilder.autoencoderCost`. */
export function autoencoderCost(
  cost: Cost,
  section: PrimusSection,
  size: Vec3,
  outChannels: number,
  visible: number,
): void {
  const tokens = embeddingCost(cost, section, size);
  const decoder = decoderCost(cost, section, size, outChannels);
  evaCost(cost, section, tokens, DECODER_DEPTH, decoder);
  const between = cost.kept;
  evaCost(cost, section, Math.round(visible * tokens), sizeOf(section).depth, between);
}

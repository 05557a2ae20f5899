import { voxelCount, type Vec3 } from '../geometry';

/** Adds up the operations of a forward pass of one crop, and the elements that it keeps for the backward pass. */
export class Cost {
  /** Floating point operations: a multiply and an add are two. */
  flops = 0;
  /** Elements kept for the backward pass. */
  kept = 0;
  /** Elements alive at once in the largest block. */
  peak = 0;
  /** Elements of gradients alive at once in a backward pass, beside what is kept. */
  gradients = 0;

  /** A convolution of `outVoxels` outputs with a kernel of `kernel`³; its input is kept. */
  conv(inVoxels: number, outVoxels: number, inChannels: number, outChannels: number, kernel: number): void {
    this.flops += 2 * outVoxels * inChannels * outChannels * kernel ** 3;
    this.kept += inVoxels * inChannels;
  }

  dense(tokens: number, inSize: number, outSize: number): void {
    this.conv(tokens, tokens, inSize, outSize, 1);
  }

  /** Elements that a layer keeps and no other layer does, as a normalisation's output. */
  keep(elements: number): void {
    this.kept += elements;
  }

  /** The layers whose gradients take the most room. */
  backward(elementsAlive: number): void {
    this.gradients = Math.max(this.gradients, elementsAlive);
  }

  block(elementsAlive: number): void {
    this.peak = Math.max(this.peak, elementsAlive);
  }
}

/** A `ResidualBlock` (blocks.ts) on `size` voxels. */
export function residualBlockCost(cost: Cost, size: Vec3, inChannels: number, outChannels: number): void {
  const voxels = voxelCount(size);
  const out = voxels * outChannels;
  cost.conv(voxels, voxels, inChannels, outChannels, 3);
  cost.conv(voxels, voxels, outChannels, outChannels, 3);
  cost.keep(out);
  if (inChannels !== outChannels) {
    cost.conv(voxels, voxels, inChannels, outChannels, 1);
    cost.keep(out);
  }
  cost.block(voxels * inChannels + 3 * out);
}

/** An `UpBlock` (blocks.ts) whose output has `size` voxels. */
export function upBlockCost(cost: Cost, size: Vec3, inChannels: number, outChannels: number): void {
  const voxels = voxelCount(size);
  cost.conv(voxels / 8, voxels / 8, inChannels, 8 * outChannels, 1);
  residualBlockCost(cost, size, 2 * outChannels, outChannels);
}

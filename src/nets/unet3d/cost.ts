import { voxelCount, type Vec3 } from '../../geometry';
import type { Cost } from '../cost';
import type { UnetSection } from './descriptor';

function doubleConv(cost: Cost, inVoxels: number, voxels: number, inChannels: number, outChannels: number): void {
  const out = voxels * outChannels;
  cost.conv(inVoxels, voxels, inChannels, outChannels, 3);
  cost.conv(voxels, voxels, outChannels, outChannels, 3);
  cost.block(inVoxels * inChannels + 2 * out);
}

/** What a 3D U-Net costs on one crop: see `NetworkBuilder.cost`. */
export function unetCost(cost: Cost, section: UnetSection, size: Vec3, outChannels?: number): void {
  const channels = [0, 1, 2, 3, 4].map((level) => section.featureSize * 2 ** level);
  const voxels = channels.map((_, level) => voxelCount(size) / 8 ** level);
  doubleConv(cost, voxels[0]!, voxels[0]!, section.inChannels, channels[0]!);
  for (let level = 1; level < 5; level++) {
    doubleConv(cost, voxels[level - 1]!, voxels[level]!, channels[level - 1]!, channels[level]!);
  }
  const fullSize = voxels[0]! * channels[0]!;
  // Without a decoder: gradients of the first level's output from the second and from pooling. Measured, as all of `backward`.
  cost.backward(1.6 * fullSize);
  if (outChannels === undefined) return;
  // Those of the joined features, which are twice as wide, and of both convolutions.
  cost.backward(3.3 * fullSize);
  for (let level = 3; level >= 0; level--) {
    cost.conv(voxels[level + 1]!, voxels[level + 1]!, channels[level + 1]!, 8 * channels[level]!, 1);
    doubleConv(cost, voxels[level]!, voxels[level]!, 2 * channels[level]!, channels[level]!);
  }
  cost.conv(voxels[0]!, voxels[0]!, section.featureSize, outChannels, 1);
}

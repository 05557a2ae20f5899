import { voxelCount, type Vec3 } from '../../geometry';
import type { Cost } from '../cost';
import type { SegResNetSection } from './descriptor';

/** A `ResidualBlock` of so many channels on `voxels`: both norms keep their input, both convolutions theirs. */
function block(cost: Cost, voxels: number, channels: number): void {
  const out = voxels * channels;
  for (let i = 0; i < 2; i++) {
    cost.keep(out);
    cost.conv(voxels, voxels, channels, channels, 3);
  }
  cost.block(3 * out);
}

/** What a SegResNet costs on one crop: see `NetworkBuilder.cost`. */
export function segresnetCost(cost: Cost, section: SegResNetSection, size: Vec3, outChannels?: number): void {
  const { variant, initFilters, blocksDown, blocksUp, inChannels } = section;
  const channels = blocksDown.map((_, level) => initFilters * 2 ** level);
  const voxels = channels.map((_, level) => voxelCount(size) / 8 ** level);
  cost.conv(voxels[0]!, voxels[0]!, inChannels, channels[0]!, 3);
  blocksDown.forEach((count, level) => {
    if (level > 0) cost.conv(voxels[level - 1]!, voxels[level]!, channels[level - 1]!, channels[level]!, 3);
    for (let i = 0; i < count; i++) block(cost, voxels[level]!, channels[level]!);
  });
  const fullSize = voxels[0]! * channels[0]!;
  // Measured, with and without a decoder.
  cost.backward(1.2 * fullSize);
  if (outChannels === undefined) return;
  for (let level = channels.length - 2; level >= 0; level--) {
    const [wide, narrow] = [channels[level + 1]!, channels[level]!];
    cost.conv(voxels[level + 1]!, voxels[level + 1]!, wide, narrow, variant === 'ct-fm' ? 3 : 1);
    for (let j = 0; j < blocksUp; j++) block(cost, voxels[level]!, narrow);
  }
  if (variant === 'suprem') cost.keep(fullSize);
  cost.conv(voxels[0]!, voxels[0]!, channels[0]!, outChannels, 1);
}

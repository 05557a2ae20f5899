import { mapVec3, voxelCount, type Vec3 } from '../../geometry';
import { paddedSize, windowSize } from '../../tensor/ops/windows';
import { residualBlockCost, upBlockCost, type Cost } from '../cost';
import { MLP_RATIO, WINDOW } from './blocks';
import type { SwinSection } from './descriptor';

const halve = (size: Vec3): Vec3 => mapVec3(size, (length) => Math.ceil(length / 2));

function swinBlock(cost: Cost, size: Vec3, channels: number): void {
  const tokens = voxelCount(size);
  const { window } = windowSize(size, WINDOW, WINDOW);
  const padded = voxelCount(paddedSize(size, window));
  cost.keep(2 * tokens * channels);
  cost.dense(tokens, channels, 3 * channels);
  cost.flops += 4 * padded * voxelCount(window) * channels;
  cost.keep(3 * tokens * channels);
  cost.dense(tokens, channels, channels);
  cost.dense(tokens, channels, MLP_RATIO * channels);
  cost.dense(tokens, MLP_RATIO * channels, channels);
  cost.block((2 + 2 * MLP_RATIO) * tokens * channels);
}

/** @returns the sizes of the input and of its five halvings */
function encoderCost(cost: Cost, section: SwinSection, size: Vec3): Vec3[] {
  const { featureSize: f, depths, useV2, inChannels } = section;
  const sizes: Vec3[] = [size];
  for (let i = 0; i < 5; i++) sizes.push(halve(sizes[i]!));
  cost.conv(voxelCount(size), voxelCount(sizes[1]!), inChannels, f, 2);
  depths.forEach((depth, i) => {
    const [at, channels] = [sizes[i + 1]!, f * 2 ** i];
    if (useV2) residualBlockCost(cost, at, channels, channels);
    for (let block = 0; block < depth; block++) swinBlock(cost, at, channels);
    cost.keep(voxelCount(at) * channels);
    cost.dense(voxelCount(sizes[i + 2]!), 8 * channels, 2 * channels);
  });
  residualBlockCost(cost, size, inChannels, f);
  [f, 2 * f, 4 * f].forEach((channels, i) => residualBlockCost(cost, sizes[i + 1]!, channels, channels));
  residualBlockCost(cost, sizes[5]!, 16 * f, 16 * f);
  return sizes;
}

/** What Swin-UNETR costs on one crop: see `NetworkBuilder.cost`. */
export function swinCost(cost: Cost, section: SwinSection, size: Vec3, outChannels?: number): void {
  const sizes = encoderCost(cost, section, size);
  const f = section.featureSize;
  // The encoder's block at full size comes last in a backward pass, when nothing else is kept any more.
  cost.backward(0.15 * voxelCount(size) * f);
  if (outChannels === undefined) return;
  cost.backward(2 * voxelCount(size) * f);
  [16, 8, 4, 2, 1].forEach((multiple, i) =>
    upBlockCost(cost, sizes[4 - i]!, multiple * f, Math.max(multiple / 2, 1) * f),
  );
  cost.conv(voxelCount(size), voxelCount(size), f, outChannels, 1);
}

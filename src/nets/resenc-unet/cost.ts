import { mapVec3, voxelCount, type Vec3 } from '../../geometry';
import type { Cost } from '../cost';
import type { ResEncSection } from './descriptor';
import { stagesOf, stepsOf, type Stage } from './topology';

interface Layer {
  readonly inVoxels: number;
  readonly voxels: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: Vec3;
}

/** A convolution and its norm, which keep the input of each. */
function unitCost(cost: Cost, { inVoxels, voxels, inChannels, outChannels, kernel }: Layer): void {
  cost.flops += 2 * voxels * inChannels * outChannels * voxelCount(kernel);
  cost.keep(inVoxels * inChannels + voxels * outChannels);
}

function blockCost(cost: Cost, layer: Layer): void {
  const { inVoxels, voxels, inChannels, outChannels } = layer;
  unitCost(cost, layer);
  unitCost(cost, { ...layer, inVoxels: voxels, inChannels: outChannels });
  // The skip's convolution keeps means over the step, where there is one; its norm and what is added keep theirs.
  if (inChannels !== outChannels) {
    unitCost(cost, { ...layer, inVoxels: voxels === inVoxels ? 0 : voxels, kernel: [1, 1, 1] });
    cost.keep(voxels * outChannels);
  } else if (voxels !== inVoxels) cost.keep(voxels * outChannels);
  cost.block(inVoxels * inChannels + 3 * voxels * outChannels);
}

/** What nnU-Net's residual encoder U-Net costs on one crop: see `NetworkBuilder.cost`. */
export function resEncCost(cost: Cost, section: ResEncSection, size: Vec3, outChannels?: number): void {
  const stages = stagesOf(section);
  const voxelsOf = ({ total }: Stage): number => voxelCount(mapVec3(size, (length, axis) => length / total[axis]));
  const [full, first] = [voxelCount(size), stages[0]!];
  const stem = { inVoxels: full, voxels: full, inChannels: section.inChannels, outChannels: first.channels };
  unitCost(cost, { ...stem, kernel: first.kernel });
  stages.forEach((stage, i) => {
    const before = stages[Math.max(0, i - 1)]!;
    const own = { voxels: voxelsOf(stage), outChannels: stage.channels, kernel: stage.kernel };
    for (let block = 0; block < stage.blocks; block++) {
      const from = block === 0 ? before : stage;
      blockCost(cost, { ...own, inVoxels: voxelsOf(from), inChannels: from.channels });
    }
  });
  const finest = full * first.channels;
  // Gradients of a block's input, of which most take the place of what was kept. Measured, as the decoder's.
  cost.backward(1.1 * finest);
  if (outChannels === undefined) return;
  cost.backward(2.2 * finest);
  decoderCost(cost, section, voxelsOf);
  cost.conv(full, full, first.channels, outChannels, 1);
}

function decoderCost(cost: Cost, section: ResEncSection, voxelsOf: (stage: Stage) => number): void {
  for (const { stage, inChannels, up, convs } of stepsOf(section)) {
    const voxels = voxelsOf(stage);
    const below = voxels / voxelCount(up);
    cost.flops += 2 * voxels * inChannels * stage.channels;
    cost.keep(below * inChannels);
    for (let conv = 0; conv < convs; conv++) {
      const width = conv === 0 ? 2 * stage.channels : stage.channels;
      unitCost(cost, {
        inVoxels: voxels,
        voxels,
        inChannels: width,
        outChannels: stage.channels,
        kernel: stage.kernel,
      });
    }
    cost.block(4 * voxels * stage.channels);
  }
}

import type { Config } from '../../config';
import { networkDescriptors, sizeKeyOf } from '../../nets/descriptors';
import type { Problem } from '../../schema';
import { availableMemory } from '../../files/memory';
import { stepCost } from '../../tasks/memory';
import { taskOf } from '../../catalog';
import { formatBytes } from '../../text';

/** Whether a run fits into the memory that is free now; of a GPU's own memory nothing is known here. */
export async function memoryProblems(config: Config): Promise<Problem[]> {
  if (/^(webgpu|cuda)/.test(config.device)) return [];
  const free = availableMemory();
  const cost = stepCost(config, (await taskOf(config)).cost(config), free);
  const needed = cost.stateBytes + cost.activationBytes;
  if (needed <= free) return [];
  const takes = `a run takes about ${formatBytes(needed)} of memory, ${formatBytes(free)} are free now`;
  const perCrop = cost.activationBytes / cost.microBatch;
  const fitting = Math.floor((free - cost.stateBytes) / perCrop);
  if (config.train.microBatch > 1 && fitting >= 1) {
    const path = ['train', 'microBatch'];
    const fix = { title: 'Choose by the free memory (0)', path, value: 0 };
    return [{ path, message: `${takes}: fewer crops at a time would fit`, severity: 'warning', fix }];
  }
  const path = cost.stateBytes > free ? ['network', networkDescriptors.get(config.network.name).sizeKey] : config.kind === 'pretrain' ? ['method', 'input' in config.method ? 'input' : 'crop'] : ['crops', 'size']; // prettier-ignore
  return [
    {
      path,
      message: `${takes}: use a smaller ${sizeKeyOf(config.network.name)} or smaller crops`,
      severity: 'warning',
    },
  ];
}

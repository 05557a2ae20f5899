import type { TaskOutput } from '../labels/tasks';
import { validationMetric } from '../protocol/metrics';
import { Registry } from '../registry/registry';
import type { DownstreamDescriptor } from '../tasks/descriptor';
import { classificationDescriptor } from './classification/descriptor';
import { segmentationDescriptor } from './segmentation/descriptor';

/** The light halves of the downstream tasks: one line a task (its heavy half stands in tasks.ts). */
const own = {
  segmentation: segmentationDescriptor,
  classification: classificationDescriptor,
} as const satisfies Record<string, DownstreamDescriptor>;

export type DownstreamName = keyof typeof own;

export const downstreamDescriptors = new Registry<DownstreamDescriptor>('downstream task', own);

/** The downstream task that gives such an output. */
export function downstreamFor(output: TaskOutput): DownstreamDescriptor {
  const found = downstreamDescriptors.all.find(({ outputs }) => outputs.includes(output));
  if (!found) throw new Error(`no downstream task gives the output ${output}`);
  return found;
}

/** What people call the score of a downstream task: "Dice". */
export function scoreTitle(metric: string): string {
  return downstreamDescriptors.all.map(({ titles }) => titles[metric]).find((title) => title !== undefined) ?? metric;
}

/** The held-out scores that choose the best checkpoint of a fine-tuning, by their names in metrics.jsonl. */
export const bestScores = (): readonly { metric: string; goal: 'min' | 'max' }[] =>
  downstreamDescriptors.all.map(({ best }) => ({ metric: validationMetric(best.metric), goal: best.goal }));

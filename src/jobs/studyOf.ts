import { dirname } from 'node:path';
import type { RunRegistry } from './runRegistry';
import type { RunSummary } from './runSummary';

/** The study that a fine-tuning is part of: the runs of a study lie in a folder of its own. */
export function studyOf(registry: RunRegistry, { dir }: RunSummary): RunSummary | undefined {
  const parent = registry.get(dirname(dirname(dir)));
  return parent?.state.kind === 'study' ? parent : undefined;
}

import { resolveTask, type Config, type FinetuneConfig } from '../config';
import type { CardFacts } from '../runs/export';
import { findClassifiedCases, findLabelledCases } from '../downstream/build';
import { findCases } from '../pretext/voco/train/build';

const findFinetuning = (config: FinetuneConfig) =>
  resolveTask(config.task).output === 'classification' ? findClassifiedCases(config) : findLabelledCases(config);

/** How many volumes a checkpoint's config finds here; undefined where its data is not at hand. */
export async function countCases(config: unknown): Promise<CardFacts['cases']> {
  const known = config as Config;
  try {
    const { train, validation } = known.kind === 'pretrain' ? await findCases(known) : await findFinetuning(known);
    return { train: train.length, validation: validation.length };
  } catch {
    // The data may be elsewhere, or the config of another version: an export goes on without the counts.
    return undefined;
  }
}

import type { Config } from '../config';
import type { CardFacts } from '../runs/export';
import { taskOf } from '../catalog';

/** Number of volumes that a checkpoint's config finds here; undefined if its data is not available. */
export async function countCases(config: unknown): Promise<CardFacts['cases']> {
  const known = config as Config;
  try {
    const { train, validation } = await (await taskOf(known)).findCases(known);
    return { train: train.length, validation: validation.length };
  } catch {
    // The data may be elsewhere, or the config of another version: an export goes on without the counts.
    return undefined;
  }
}

import type { Config } from '../config';
import type { CardFacts } from '../runs/export';
import { taskOf } from '../catalog';

/** How many volumes a checkpoint's config finds here; undefined where its data is not at hand. */
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

import { resolveTask, type Config } from '../../config';
import { readRunConfig } from '../../runs/runDirectory';

/** Colours by the name of the class of those runs that are fine-tunings; the first that has a class counts. */
export async function classColours(runs: readonly string[]): Promise<Record<string, string>> {
  const configs = await Promise.all(runs.map((run) => readRunConfig(run).catch(() => undefined)));
  const entries = (configs as (Partial<Config> | undefined)[]).flatMap((config) => {
    if (config?.kind !== 'finetune' || !('task' in config) || !config.task) return [];
    return resolveTask(config.task).classes.map(({ name, colour }): [string, string] => [name, colour]);
  });
  return Object.fromEntries(entries.reverse());
}

import { flattenConfig } from '../config/flatten';
import { cacheKey } from '../data/cache';
import type { Comparison, ConfigDifference, ScoreComparison, WeightComparison } from '../protocol/comparison';
import { withWeights, type Branch } from '../runs/import';
import type { Say } from '../train/types';
import { openCheckpoints, resolveFiles, type OpenedCheckpoint } from './checkpoints';
import { evaluationsOf, type Evaluation } from './evaluations';
import { compareScores } from './scores';
import { compareWeights } from './weights';
import type { CallContext } from '../rpc';

export interface CompareRequest {
  /** Two to four checkpoints or files of weights; the first is what the others are held against. */
  readonly files: readonly string[];
  readonly branch?: Branch | undefined;
}

function compareConfigs(opened: readonly OpenedCheckpoint[]): ConfigDifference[] {
  const flat = opened.map(({ stated }) => (stated ? flattenConfig(stated) : new Map<string, unknown>()));
  const paths = [...new Set(flat.flatMap((map) => [...map.keys()]))].sort();
  return paths.flatMap((path) => {
    const values = flat.map((map) => (map.has(path) ? JSON.stringify(map.get(path)) : null));
    return new Set(values).size > 1 ? [{ path, values }] : [];
  });
}

/** Why a checkpoint has no scores to be paired. */
function unscored({ checkpoint }: OpenedCheckpoint): string {
  if (checkpoint.kind === 'pretrain')
    return `${checkpoint.file} is a pre-training checkpoint, which has no scores by case`;
  return `${checkpoint.file} has not been evaluated: run voco evaluate with --checkpoint`;
}

function compareAllScores(
  opened: readonly OpenedCheckpoint[],
  [reference, ...others]: readonly (Evaluation | undefined)[],
): ScoreComparison[] {
  return others.map((other, i) => {
    if (reference && other) return compareScores(reference.results, other.results, i + 1);
    const missing = unscored(reference ? opened[i + 1]! : opened[0]!);
    return { checkpoint: i + 1, scores: [], commonCases: [], otherCases: [], missing };
  });
}

/** Weight comparisons of before, by their files and branch: those of large checkpoints take long. */
export type WeightMemory = Map<string, WeightComparison>;
const MOST_REMEMBERED = 64;

interface CompareOptions extends Partial<CallContext> {
  readonly memory?: WeightMemory;
}

async function comparePair(
  [first, second]: readonly [string, string],
  branch: Branch | undefined,
  { memory, ...watched }: CompareOptions,
): Promise<WeightComparison> {
  const key = await cacheKey([first, second], { branch: branch ?? null });
  const known = memory?.get(key);
  if (known) return known;
  const compared = await withWeights(first, branch, (a) =>
    withWeights(second, branch, (b) => compareWeights(a.tensors, b.tensors, 1, watched)),
  );
  if (memory && memory.size >= MOST_REMEMBERED) memory.clear();
  memory?.set(key, compared);
  return compared;
}

async function compareAllWeights(
  [first, ...others]: readonly string[],
  branch: Branch | undefined,
  say: Say,
  { onProgress, ...options }: CompareOptions,
): Promise<WeightComparison[]> {
  const all: WeightComparison[] = [];
  for (const [i, file] of others.entries()) {
    say(`comparing the weights of ${file}`);
    const tell = (done: number, total: number): void => onProgress?.(i * total + done, others.length * total);
    const compared = await comparePair([first!, file], branch, { ...options, onProgress: tell });
    all.push({ ...compared, checkpoint: i + 1 });
  }
  return all;
}

/**
 * What differs between checkpoints: where they come from, their configs, their weights by module, and their scores paired over
 * cases. Weights are read one tensor at a time.
 *
 * @throws UsageError for a wrong number of files or one named twice; UserError naming a file that holds no weights;
 * AbortError when cancelled
 */
export async function compareCheckpoints(
  { files, branch }: CompareRequest,
  say: Say,
  options: CompareOptions = {},
): Promise<Comparison> {
  const found = await resolveFiles(files, 2);
  const opened = await openCheckpoints(found, branch);
  const newest = await Promise.all(opened.map(async ({ checkpoint }) => (await evaluationsOf(checkpoint))[0]));
  const weights = await compareAllWeights(found, branch, say, options);
  return {
    format: 1,
    checkpoints: opened.map(({ checkpoint }, i) => ({ ...checkpoint, ...(newest[i] && { results: newest[i].dir }) })),
    config: compareConfigs(opened),
    weights,
    scores: compareAllScores(opened, newest),
  };
}

import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { flattenConfig } from '../../config/flatten';
import type { ComparedCheckpoint, Comparison, ConfigDifference, ScoreComparison } from '../../protocol/compare';
import { listRuns, readResults, type Results } from '../../runs';
import { withWeights, type Branch } from '../../runs/import';
import type { Say } from '../run/types';
import { openCheckpoints, resolveFiles, type OpenedCheckpoint } from './checkpoints';
import { compareScores } from './scores';
import { compareWeights } from './weights';

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

/** The newest evaluation of a checkpoint: in its own run, or in one beside it. */
async function resultsOf({ file, run }: ComparedCheckpoint): Promise<Results | undefined> {
  if (!run) return undefined;
  const beside = (await listRuns(dirname(run))).filter(({ dir, state }) => dir !== run && state.kind === 'evaluate');
  for (const dir of [...beside.map((other) => other.dir), run]) {
    const results = await readResults(dir).catch(() => undefined);
    if (!results?.checkpoint || results.cases.length === 0) continue;
    const evaluated = await realpath(resolve(dir, results.checkpoint)).catch(() => undefined);
    if (evaluated === file) return results;
  }
  return undefined;
}

async function compareAllScores(opened: readonly OpenedCheckpoint[]): Promise<ScoreComparison[]> {
  const results = await Promise.all(opened.map(({ checkpoint }) => resultsOf(checkpoint)));
  const [reference, ...others] = results;
  return others.map((other, i) => {
    if (reference && other) return compareScores(reference, other, i + 1);
    const without = (reference ? opened[i + 1]! : opened[0]!).checkpoint.file;
    return {
      ...{ checkpoint: i + 1, scores: [], commonCases: [], otherCases: [] },
      missing: `${without} has not been evaluated: run voco evaluate with --checkpoint`,
    };
  });
}

/**
 * What differs between checkpoints: where they come from, their configs, their weights by module, and their scores paired over
 * cases. Weights are read one tensor at a time.
 *
 * @throws UsageError for a wrong number of files or one named twice; UserError naming a file that holds no weights
 */
export async function compareCheckpoints({ files, branch }: CompareRequest, say: Say): Promise<Comparison> {
  const found = await resolveFiles(files, 2);
  const opened = await openCheckpoints(found, branch);
  const weights = await withWeights(found[0]!, branch, async (reference) => {
    const all = [];
    for (const [i, file] of found.slice(1).entries()) {
      say(`comparing the weights of ${file}`);
      all.push(await withWeights(file, branch, (other) => compareWeights(reference.tensors, other.tensors, i + 1)));
    }
    return all;
  });
  return {
    format: 1,
    checkpoints: opened.map(({ checkpoint }) => checkpoint),
    config: compareConfigs(opened),
    weights,
    scores: await compareAllScores(opened),
  };
}

import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { flattenConfig } from '../../config/flatten';
import { fileError, UsageError } from '../../errors/userError';
import type { ComparedCheckpoint, Comparison, ConfigDifference, ScoreComparison } from '../../protocol/compare';
import { decodeMetrics, listRuns, readResults, type Results } from '../../runs';
import { configOf } from '../../runs/export/card';
import { withWeights, type Branch } from '../../runs/import';
import { originFacts, runOfCheckpoint } from '../../runs/inspect';
import type { Say } from '../run/types';
import { compareScores } from './scores';
import { compareWeights } from './weights';

export const MOST_CHECKPOINTS = 4;

export interface CompareRequest {
  /** Two to four checkpoints or files of weights; the first is what the others are held against. */
  readonly files: readonly string[];
  readonly branch?: Branch | undefined;
}

interface Opened {
  readonly checkpoint: ComparedCheckpoint;
  readonly config: Record<string, unknown> | undefined;
}

async function describe(file: string, metadata: Readonly<Record<string, string>>): Promise<Opened> {
  const run = await runOfCheckpoint(file);
  const step = metadata.step === undefined ? undefined : Number(metadata.step);
  return {
    config: configOf(metadata),
    checkpoint: {
      file,
      ...(run && { run: run.dir }),
      ...(metadata.kind !== undefined && { kind: metadata.kind }),
      ...(step !== undefined && Number.isSafeInteger(step) && { step }),
      facts: await originFacts(file, metadata),
      scores: decodeMetrics(metadata.metrics),
    },
  };
}

function compareConfigs(opened: readonly Opened[]): ConfigDifference[] {
  const flat = opened.map(({ config }) => (config ? flattenConfig(config) : new Map<string, unknown>()));
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

async function compareAllScores(opened: readonly Opened[]): Promise<ScoreComparison[]> {
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

async function resolveFiles(files: readonly string[]): Promise<string[]> {
  if (files.length < 2 || files.length > MOST_CHECKPOINTS) {
    throw new UsageError(`voco compare: name 2 to ${MOST_CHECKPOINTS} checkpoints, not ${files.length}`);
  }
  const real = files.map((file) =>
    realpath(file).catch((error: unknown) => {
      throw fileError(error, file, 'open the checkpoint');
    }),
  );
  const found = await Promise.all(real);
  const twice = found.findIndex((file, i) => found.indexOf(file) !== i);
  if (twice >= 0) throw new UsageError(`voco compare: ${files[twice]} is named twice`);
  return found;
}

/**
 * What differs between checkpoints: where they come from, their configs, their weights by module, and their scores paired over
 * cases. Weights are read one tensor at a time.
 *
 * @throws UsageError for a wrong number of files or one named twice; UserError naming a file that holds no weights
 */
export async function compareCheckpoints({ files, branch }: CompareRequest, say: Say): Promise<Comparison> {
  const found = await resolveFiles(files);
  const opened: Opened[] = [];
  for (const file of found) {
    opened.push(await withWeights(file, branch, (_, source) => describe(file, source.metadata)));
  }
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

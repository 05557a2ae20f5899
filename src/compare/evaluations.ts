import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { ComparedCheckpoint } from '../protocol/comparison';
import { listRuns, readResults, runFiles, type Results } from '../runs';

/** Scores of a checkpoint, and the run that holds them. */
export interface Evaluation {
  readonly dir: string;
  readonly results: Results;
  /** Milliseconds since 1970. */
  readonly written: number;
}

async function evaluatedFile(dir: string, checkpoint: string, own: boolean): Promise<string | undefined> {
  const stated = await realpath(resolve(dir, checkpoint)).catch(() => undefined);
  // A run that was moved holds the checkpoint under its own folder.
  if (stated !== undefined || !own) return stated;
  return realpath(join(runFiles(dir).checkpoints, basename(checkpoint))).catch(() => undefined);
}

async function evaluationIn(dir: string, { file, run, step }: ComparedCheckpoint): Promise<Evaluation[]> {
  const results = await readResults(dir).catch(() => undefined);
  if (!results?.checkpoint || results.cases.length + (results.classification?.length ?? 0) === 0) return [];
  if (results.step !== undefined && step !== undefined && results.step !== step) return [];
  if ((await evaluatedFile(dir, results.checkpoint, dir === run)) !== file) return [];
  return [{ dir, results, written: (await stat(runFiles(dir).results)).mtimeMs }];
}

/** The evaluations of a checkpoint, in its own run and in those beside it; the newest first. */
export async function evaluationsOf(checkpoint: ComparedCheckpoint): Promise<Evaluation[]> {
  const { run } = checkpoint;
  if (!run) return [];
  const beside = (await listRuns(dirname(run))).filter(({ dir, state }) => dir !== run && state.kind === 'evaluate');
  const found = await Promise.all([run, ...beside.map(({ dir }) => dir)].map((dir) => evaluationIn(dir, checkpoint)));
  return found.flat().sort((a, b) => b.written - a.written);
}

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UserError } from '../errors/userError';
import type { RunRegistry } from './runRegistry';
import type { RunSummary } from './runSummary';
import type { CompareCard, ShownEvaluation } from '../protocol/compare';
import { decodeMetrics } from '../runs/checkpoint';
import { openWeights } from '../runs/import';
import { runOfCheckpoint } from '../runs/describeCheckpoint';
import { runLabel } from '../runs/runDirectory';
import { scoreTexts } from './runText';
import { runFiles } from '../runs/files';

function shownEvaluation({ phase, state, reason }: RunSummary): ShownEvaluation {
  return { phase, done: state.step, total: state.totalSteps, ...(reason !== undefined && { reason }) };
}

/** The evaluations of a checkpoint: the newest that has not come to results, and a mark of the newest that has. */
async function evaluationsOf(
  registry: RunRegistry,
  file: string,
  dir: string | undefined,
): Promise<Pick<CompareCard, 'evaluation' | 'evaluated'>> {
  const [newest, ...older] = registry.runs.filter(({ state }) => state.kind === 'evaluate' && state.initFrom === file);
  const done = [newest, ...older].find((run) => run?.phase === 'finished');
  // `voco evaluate --run` writes into the run itself.
  const own = dir === undefined ? undefined : await stat(runFiles(dir).results).catch(() => undefined);
  const mark = [done?.dir, own && String(own.mtimeMs)].filter((part) => part !== undefined).join(' ');
  return {
    ...(newest && newest !== done && { evaluation: shownEvaluation(newest) }),
    ...(mark !== '' && { evaluated: mark }),
  };
}

/** What is known of a checkpoint without reading a tensor. */
export async function cardOf(registry: RunRegistry, file: string): Promise<CompareCard> {
  const run = await runOfCheckpoint(file);
  const base = {
    file,
    name: run ? (registry.get(run.dir)?.label ?? runLabel(run.dir)) : basename(file),
    ...(run && { run: run.dir }),
    ...(await evaluationsOf(registry, file, run?.dir)),
  };
  try {
    const source = await openWeights(file);
    const { metadata } = source;
    await source.close();
    const step = Number(metadata.step ?? NaN);
    const kind = metadata.kind ?? run?.state.kind;
    const detail = scoreTexts(decodeMetrics(metadata.metrics)).join(' · ');
    return { ...base, detail, ...(Number.isSafeInteger(step) && { step }), ...(kind !== undefined && { kind }) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...base, detail: '', problem: error.message };
  }
}

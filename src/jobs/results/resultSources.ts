import { dirname, sep } from 'node:path';
import type { RunRegistry } from '../runRegistry';
import { hasEnded, type RunSummary } from '../runSummary';
import { resolveTask, type FinetuneConfig } from '../../config';
import { UserError } from '../../errors/userError';
import type { EvaluationState, ResultsAnswer, ResultSource, ShownResults, ShownStudy } from '../../protocol/results';
import type { ResultClass, Results } from '../../protocol/scores';
import { colourOfLabel } from '../../labels/organs';
import { readResults, settingRows } from '../../runs/results';
import { readRunConfig } from '../../runs/runDirectory';
import { scoreTitle } from '../../downstream/descriptors';
import { readStudy, type Study } from '../../runs/study';
import { shortText } from '../runText';
import { runFiles } from '../../runs/files';
import { exists } from '../../files/kinds';

const MAX_SOURCES = 200;

/** Evaluations of the checkpoints of a run, the newest first. */
export function evaluationsOf(runs: readonly RunSummary[], dir: string): RunSummary[] {
  return runs.filter(({ state }) => state.kind === 'evaluate' && state.initFrom?.startsWith(dir + sep));
}

/** The fine-tuning that an evaluation is of, when it is a known run. */
function evaluatedRun(registry: RunRegistry, { state }: RunSummary): RunSummary | undefined {
  return state.initFrom === undefined ? undefined : registry.get(dirname(dirname(state.initFrom)));
}

const isSource = ({ state }: RunSummary): boolean =>
  state.kind === 'evaluate' || state.kind === 'study' || (state.kind === 'finetune' && state.step > 0);

function sourceOf(run: RunSummary): ResultSource {
  return { run: run.dir, name: run.label, detail: shortText(run) };
}

function evaluationState({ dir, phase, state, reason }: RunSummary): EvaluationState {
  const { step: done, totalSteps: total } = state;
  const kind = state.kind === 'study' ? state.kind : 'evaluate';
  return { run: dir, kind, phase, done, total, ...(reason !== undefined && { reason }) };
}

/** Names and colours of the classes: as the results say, else as the run's config does, else by number. */
async function classesOf(dir: string, results: Results): Promise<readonly ResultClass[]> {
  if (results.classes) return results.classes;
  const config = (await readRunConfig(dir).catch(() => undefined)) as Partial<FinetuneConfig> | undefined;
  const known = config?.task ? resolveTask(config.task).classes : [];
  return (results.cases[0]?.classes ?? []).map(
    ({ name, class: value }) =>
      known.find((one) => one.name === name) ?? { name, values: [value], colour: colourOfLabel(value) },
  );
}

export async function loadResults(dir: string): Promise<ShownResults> {
  const results = await readResults(dir);
  const measured = results.settings && settingRows(results.settings);
  return { run: dir, results, classes: await classesOf(dir, results), ...(measured && { measured }) };
}

/** The run whose results are shown for a source: itself, or the newest evaluation of it that has some. */
async function holderOf(run: RunSummary, evaluations: readonly RunSummary[]): Promise<RunSummary | undefined> {
  const candidates = run.state.kind === 'evaluate' ? [run] : [...evaluations, run];
  for (const one of candidates) if (await exists(runFiles(one.dir).results)) return one;
  return undefined;
}

async function choose(registry: RunRegistry, sources: readonly RunSummary[], asked: string | undefined) {
  const wanted = asked === undefined ? undefined : registry.get(asked);
  if (wanted && isSource(wanted)) return wanted;
  for (const run of sources) {
    if (run.state.kind === 'study' || (await exists(runFiles(run.dir).results))) return run;
  }
  return sources[0];
}

/** A study so far, and whether it is still running. */
async function describeStudy(run: RunSummary): Promise<Pick<ResultsAnswer, 'study' | 'evaluation' | 'problem'>> {
  const evaluation = run.phase === 'finished' ? {} : { evaluation: evaluationState(run) };
  if (!(await exists(runFiles(run.dir).study))) return evaluation;
  try {
    return { ...evaluation, study: shownStudy(await readStudy(run.dir)) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...evaluation, problem: error.message };
  }
}

function shownStudy(study: Study): ShownStudy {
  const { task, by, amounts, heldOut, checkpoint, points, differences, runs } = study;
  return {
    task,
    score: scoreTitle(study.score),
    by,
    amounts,
    heldOut,
    checkpoint,
    points,
    differences,
    seeds: study.seeds.length,
    done: runs.filter(({ state }) => state === 'finished').length,
    total: runs.length,
    failures: runs.flatMap(({ run, reason }) => (reason === undefined ? [] : [`${run}: ${reason}`])),
  };
}

/** Everything the panel shows for a run, or for the newest one with results. */
export async function describeResults(registry: RunRegistry, asked: string | undefined): Promise<ResultsAnswer> {
  const { runs } = registry;
  const known = runs.filter(isSource).slice(0, MAX_SOURCES);
  const source = await choose(registry, known, asked);
  const sources = (source && !known.includes(source) ? [source, ...known] : known).map(sourceOf);
  if (!source) return { sources, canEvaluate: false };
  if (source.state.kind === 'study') {
    return { sources, source: source.dir, canEvaluate: false, ...(await describeStudy(source)) };
  }
  const evaluations = source.state.kind === 'evaluate' ? [source] : evaluationsOf(runs, source.dir);
  const holder = await holderOf(source, evaluations);
  const newest = evaluations[0];
  // A failed evaluation is shown only while it is the latest.
  const open = newest && (!hasEnded(newest) || (newest !== holder && newest.phase !== 'finished'));
  const finetuned = source.state.kind === 'evaluate' ? evaluatedRun(registry, source) : source;
  const base = {
    sources,
    source: source.dir,
    canEvaluate: finetuned !== undefined && finetuned.state.step > 0,
    ...(open && { evaluation: evaluationState(newest) }),
  };
  if (!holder) return base;
  try {
    return { ...base, shown: await loadResults(holder.dir) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...base, problem: error.message };
  }
}

/** The fine-tuning to evaluate for a source. @throws UserError when its folder is gone */
export function runToEvaluate(registry: RunRegistry, dir: string): string {
  const run = registry.get(dir);
  const found = run?.state.kind === 'evaluate' ? evaluatedRun(registry, run) : run;
  if (!found) throw new UserError(`${dir}: the fine-tuning of this evaluation is no longer there`);
  return found.dir;
}

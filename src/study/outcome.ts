import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { validationMetric } from '../protocol/metrics';
import {
  latestCheckpoint,
  readRunState,
  runFiles,
  RunStateFile,
  scanMetrics,
  type StudyPlan,
  type StudyRun,
} from '../runs';

const finite = (value: number | undefined): number | null => (Number.isFinite(value) ? value! : null);

/** The scores of a finished run: after its last step, the best of all, and by class. */
async function scoresOf(
  runDir: string,
  score: StudyPlan['score'],
): Promise<Pick<StudyRun, 'score' | 'best' | 'classes'>> {
  const metric = validationMetric(score);
  let best: number | null = null;
  let last: Record<string, number> = {};
  await scanMetrics(runDir, (_, names, values) => {
    last = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
    const value = finite(last[metric]);
    if (value !== null) best = Math.max(best ?? value, value);
  });
  const classes = Object.entries(last).flatMap(([name, value]) =>
    name.startsWith(`${metric}/`) ? [[name.slice(metric.length + 1), value] as const] : [],
  );
  return { score: finite(last[metric]), best, classes: Object.fromEntries(classes) };
}

/** A run that was killed between its last checkpoint and the note of its end has finished all the same. */
async function noteEnd(runDir: string): Promise<void> {
  const file = await RunStateFile.open(runDir);
  const { state, totalSteps } = file.state;
  if (state === 'finished' || totalSteps === 0) return;
  const checkpoint = await latestCheckpoint(runDir);
  if (!checkpoint || checkpoint.step < totalSteps) return;
  const end = { step: checkpoint.step, control: undefined, exitReason: undefined };
  await file.update({ ...end, state: 'finished' });
}

/** How a run of a study stands on disk. */
export async function outcomeOf(studyDir: string, plan: StudyPlan, run: StudyRun): Promise<StudyRun> {
  const { reason: _, ...plain } = run;
  const runDir = join(studyDir, run.run);
  if (!existsSync(runFiles(runDir).state)) return { ...plain, state: 'queued' };
  await noteEnd(runDir);
  const { state, exitReason } = await readRunState(runDir);
  if (state === 'finished') return { ...plain, state, ...(await scoresOf(runDir, plan.score)) };
  // What still counts as active was at work when its process was killed.
  const ended = state === 'queued' || state === 'failed' ? state : 'interrupted';
  const reason = state === 'failed' && exitReason !== undefined ? { reason: exitReason } : {};
  return { ...plain, state: ended, ...reason };
}

import type { Config, ConfigKind } from '../config';
import { phaseLines } from '../config/phases';
import type { Case } from '../data/datalist';
import { createLoader, type Loader } from '../loader';
import type { RunEstimate } from '../protocol/estimate';
import { validationMetric } from '../protocol/metrics';
import { Interruption } from '../rpc/interruption';
import { readCheckpoint, runFiles } from '../runs';
import { writeFileAtomically } from '../files/atomic';
import type { Batch, Cases, Sampler, StoreMemory, TrainedModel } from '../tasks';
import type { Optimizer } from '../tensor/optim';
import { activityText, counted } from '../text';
import { ProgressBar } from '../text/progressBar';
import { buildStep } from './build';
import { describeEstimate } from './describeEstimate';
import { timeSteps, type Trial } from './estimate';
import { initialize } from './initialize';
import { runLoop, startJob, warner, type Attended, type Running, type TrainingResult } from './job';
import { isOwed, TrainingLoop, type LoopBatch } from './loop';
import { buildOptimizer } from './optimizer';
import { planRun, type Plan } from './plan';
import { endBefore, showPlanning } from './planning';
import type { RunRequest } from './prepare';
import { keepChanges, putAside } from './resume';
import { restore } from './state';
import { BrokenOff, Steering } from './steering';
import { chartsOf, samplerFor, taskName } from '../catalog';
import { caseDemands } from '../tasks/demands';
import { TaskTraining } from './training';
import { trialSteps } from './trial';
import type { Say } from './types';
import { optimizerFor, stepsAhead } from './update';

export type { RunRequest } from './prepare';
export type { TrainingResult } from './job';

/** Gives a run that begins to a controller besides its own control socket. */
export type Watch = (run: Pick<Steering, 'command' | 'stop' | 'stepsDone' | 'reason'>) => void;

/** A forward pass alone is a third of a step's work. */
const FORWARD_SHARE = 3;

/** What the program calls a training in a progress bar. */
const LABELS: Readonly<Record<ConfigKind, string>> = { pretrain: 'pre-training', finetune: 'fine-tuning' };

/** Records the training and held-out cases of a run. */
async function recordCases(runDir: string, { train, validation }: Cases): Promise<void> {
  const ids = (list: Cases['train']): string[] => list.map(({ id }) => id);
  const text = JSON.stringify({ train: ids(train), validation: ids(validation) }, null, 2);
  await writeFileAtomically(runFiles(runDir).cases, `${text}\n`);
}

/** Threads that make batches, and how many they make ahead: pre-training has settings for it. */
function loading({ data }: Config): { workers: number; prefetch: number; early?: boolean } {
  if ('workers' in data) return { workers: data.workers, prefetch: data.prefetch };
  return { workers: 0, prefetch: 1, early: true };
}

async function openLoader(plan: Plan, running: Running): Promise<Loader<Case, Batch>> {
  const { config, task, listed, prepared, skipped } = plan;
  const settings = task.samplerSettings(config) as StoreMemory;
  const demands = caseDemands(config, task.checks(config));
  return createLoader({
    task: taskName(config),
    sampler: (await samplerFor(config)) as Sampler<StoreMemory, Case, Batch>,
    settings: { ...settings, store: { ...settings.store, demands } },
    cases: listed.train,
    seed: config.seed,
    batch: config.train.batch,
    ...loading(config),
    startStep: prepared.checkpoint?.step ?? 0,
    onWarning: warner(running),
    leftOut: skipped.files,
    ...(skipped.onBadCase === 'skip' && {
      onSkip: (item: Case, { message }: Error) => skipped.add(item, 'train', message),
    }),
  });
}

/** The loop of a run from its weights, those of its checkpoint or those that it starts from. */
async function buildLoop(
  plan: Plan,
  running: Running,
  parts: { readonly model: TrainedModel<Batch>; readonly optimizer: Optimizer; readonly loader: Loader<Case, Batch> },
  { steering, say }: Attended,
): Promise<TrainingLoop<LoopBatch>> {
  const { config, cases, listed, skipped, length, prepared, task, microBatch, pieceRows } = plan;
  const { checkpoint } = prepared;
  const { model, optimizer, loader } = parts;
  const { validation } = cases;
  steering.tell('loading the weights');
  await steering.giveWay();
  if (checkpoint) restore(await readCheckpoint(checkpoint.file), checkpoint.file, model.weights, optimizer);
  else await initialize(config, model, running, say, steering);
  await steering.giveWay();
  await recordCases(running.runDir, cases);
  const ahead = stepsAhead(plan.device);
  const step = buildStep({ config, model, optimizer, length, microBatch, pieceRows, readLate: ahead > 0 });
  const best = { metric: validationMetric(task.best.metric), goal: task.best.goal };
  const settings = {
    ...running,
    config,
    ...length,
    retention: { keepLast: config.train.keepLast, ...(validation.length > 0 && { best }) },
    checkpointAtValidation: task.checkpointAtValidation,
    startStep: checkpoint?.step ?? 0,
    ...(checkpoint && isOwed(checkpoint.metadata) && { owed: checkpoint.metrics }),
    stepsAhead: ahead,
    phases: phaseLines(config, length.totalSteps),
  };
  const together = Math.min(microBatch, FORWARD_SHARE * pieceRows);
  const training = {
    task,
    charts: chartsOf(config),
    model,
    optimizer,
    step,
    loader,
    validation: listed.validation,
    skipped,
    microBatch: together,
    onWarning: warner(running),
  };
  return new TrainingLoop(settings, new TaskTraining(training), steering);
}

/** What changes a run that is resumed comes last, when nothing can fail any more before its first step. */
async function beginSteps({ prepared, config }: Plan, { runDir, recorder }: Running): Promise<void> {
  const { resumed, fromStart, checkpoint } = prepared;
  const step = resumed ? (checkpoint?.step ?? 0) : undefined;
  if (fromStart) await putAside(runDir);
  const change = step === undefined ? undefined : await keepChanges(runDir, config, step);
  if (change) await recorder.changed(change);
  await recorder.begin(step);
}

/** Trains and gives the memory of the weights back, since a process may train several times. */
async function trainPlan(plan: Plan, running: Running, attended: Attended): Promise<TrainingResult> {
  const { config, cases, task, totalSteps, carried, device } = plan;
  await plan.skipped.open(running.runDir, running.recorder, warner(running));
  const loader = await openLoader(plan, running);
  const model = task.build({ config, cases, totalSteps, carried, onWarning: warner(running) });
  const optimizer = optimizerFor(device.precision, buildOptimizer(config.optimizer, model.groups));
  try {
    const loop = await buildLoop(plan, running, { model, optimizer, loader }, attended);
    await beginSteps(plan, running);
    return await runLoop(loop, attended.steering, running);
  } finally {
    optimizer.dispose();
    model.dispose();
    await loader.close();
    await plan.skipped.close();
  }
}

/**
 * Trains from a config to checkpoints: checks, estimates, trains, and records everything in a run directory. Pre-training and
 * fine-tuning are the same program with another task.
 *
 * @throws UsageError for a wrong config, UserError when data, device or disk fail; the run is then marked as failed.
 */
export async function train(
  kind: ConfigKind,
  request: RunRequest,
  say: Say,
  watch: Watch = () => undefined,
): Promise<TrainingResult> {
  const steering = new Steering();
  let message: Say = say;
  const interruption = new Interruption((signal) => {
    const waitsFor = activityText(steering.activity?.shown);
    const what = steering.phase === 'starting' ? 'stopping' : 'writing a checkpoint and stopping';
    message(`${signal}: ${what}${waitsFor ? ` (now ${waitsFor})` : ''}; again to quit at once`);
    steering.stop(`interrupted by ${signal}`);
  });
  watch(steering);
  try {
    const shown = showPlanning(request, steering);
    const plan = await steering
      .untilStopped(planRun(kind, request, say, steering))
      .finally(shown)
      .catch((error: unknown) => {
        if (error instanceof BrokenOff) return endBefore(request, steering.reason);
        throw error;
      });
    const { totalSteps, validateEvery } = plan.length;
    describeEstimate(plan.estimate).forEach(say);
    say(`length: ${counted(totalSteps, 'step')}, validation every ${validateEvery}`);
    phaseLines(plan.config, totalSteps).forEach(({ text }) => say(`  ${text}`));
    const bar = new ProgressBar(LABELS[kind], totalSteps, plan.prepared.checkpoint?.step ?? 0);
    message = (text) => bar.message(text);
    const attended = { steering, bar, told: new Set(plan.warnings), say };
    return await startJob(plan, attended, (running) => trainPlan(plan, running, attended));
  } finally {
    interruption.dispose();
  }
}

/**
 * Estimates what a training needs: the same checks, then a few steps on random rows. Nothing is written.
 *
 * @throws UsageError for a wrong config, UserError when data or device would make the run fail.
 */
export async function estimateTraining(kind: ConfigKind, request: RunRequest, say: Say): Promise<RunEstimate> {
  const plan = await planRun(kind, request, say);
  const { keptShare, totalSteps, leastRows: least } = plan;
  const ofKind = (share: number, step: number): Trial => ({
    least,
    share,
    prepare: (rows) => trialSteps(plan, rows, step),
  });
  // Steps that keep the encoder come first.
  const kinds = [ofKind(keptShare, 0), ofKind(1 - keptShare, totalSteps - 1)].filter(({ share }) => share > 0);
  return timeSteps(plan.estimate, kinds, say);
}

import { join } from 'node:path';
import type { FinetuneConfig } from '../config';
import { scoreTitle } from '../downstream/descriptors';
import { ExitCode, UserError } from '../errors/userError';
import {
  ARM_NAMES,
  appendLog,
  ControlServer,
  runFiles,
  RunStateFile,
  writeStudy,
  type Study,
  type StudyPlan,
  type StudyRun,
} from '../runs';
import type { RunEstimate } from '../protocol/estimate';
import { estimateTraining, train } from '../train';
import { checkStartingFile } from '../train/initialize';
import { Interrupted, Interruption } from '../rpc/interruption';
import { BEAT_MS } from '../runs/ownership';
import { openRunDirectory, prepareRun, type RunRequest } from '../train/prepare';
import { keepChanges } from '../train/resume';
import type { Say } from '../train/types';
import { outcomeOf } from './outcome';
import { overridesOf, planStudy, stepsOf } from './plan';
import { StudySteering } from './steering';
import { counted, formatDuration } from '../text';

export interface StudyResult {
  readonly runDir: string;
  readonly outcome: 'finished' | 'interrupted';
  /** study.json, study.csv and plot.svg. */
  readonly study: string;
  readonly csv: string;
  readonly plot: string;
  readonly points: Study['points'];
  readonly differences: Study['differences'];
  readonly exitCode: number;
}

const nameOf = ({ arm, cases, seed }: StudyRun): string => `${counted(cases, 'case')}, seed ${seed}, ${ARM_NAMES[arm]}`;

const spread = (mean: number, deviation: number | null): string =>
  deviation === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${deviation.toFixed(3)}`;

/** The result in a few lines for people: mean and standard deviation over seeds. */
export function describeStudy({ amounts, by, points, differences, score }: Study): string[] {
  return amounts.flatMap((amount) => {
    const own = points.filter((point) => point.amount === amount);
    if (own.length === 0) return [];
    const sides = own.map(({ arm, mean, deviation }) => `${ARM_NAMES[arm]} ${spread(mean, deviation)}`);
    const difference = differences.find((item) => item.amount === amount);
    const ahead =
      difference &&
      `difference ${spread(difference.mean, difference.deviation)}, pre-trained ahead in ${difference.ahead} of ${difference.count}`;
    const what = by === 'cases' ? counted(amount, 'case') : `${100 * amount} % of the cases`;
    return [`${what}: ${scoreTitle(score)} ${[...sides, ...(ahead ? [ahead] : [])].join(', ')}`];
  });
}

/** The queue of a study: one fine-tuning after the other, each in a run directory of its own. */
class StudyQueue {
  private runs: StudyRun[];
  private readonly failed: StudyRun[] = [];

  constructor(
    private readonly runDir: string,
    private readonly config: FinetuneConfig,
    private readonly plan: StudyPlan,
    private readonly steering: StudySteering,
    private readonly say: Say,
  ) {
    this.runs = [...plan.runs];
  }

  get stepsDone(): number {
    const finished = this.runs.filter(({ state }) => state === 'finished');
    return finished.reduce((sum, run) => sum + stepsOf(this.config, run), 0) + this.steering.stepsOfCurrent;
  }

  write(): Promise<Study> {
    return writeStudy(this.runDir, { ...this.plan, runs: this.runs });
  }

  /** @throws UserError when the first run fails (the others would as well), or some did at the end */
  async work(): Promise<Study> {
    this.runs = await Promise.all(this.runs.map((run) => outcomeOf(this.runDir, this.plan, run)));
    await this.write();
    this.steering.begin(this.stepsDone);
    for (let i = 0; i < this.runs.length && !this.steering.stopping; i++) {
      if (this.runs[i]!.state !== 'finished') await this.one(i);
    }
    const study = await this.write();
    if (this.failed.length > 0) {
      const [first] = this.failed;
      throw new UserError(
        `${this.runDir}: ${this.failed.length} of ${this.runs.length} runs failed (${nameOf(first!)}: ${first!.reason}); ` +
          'voco study --run DIR --resume tries them again',
      );
    }
    return study;
  }

  private async one(i: number): Promise<void> {
    const run = this.runs[i]!;
    await this.steering.whilePaused();
    if (this.steering.stopping) return;
    await this.note(`run ${i + 1} of ${this.runs.length}: ${nameOf(run)}`);
    this.runs[i] = { ...run, state: 'running' };
    await this.write();
    // The first run tells of device, memory and weights; the others would say the same.
    const failure = await this.train(run, i === 0 ? this.say : () => undefined);
    this.steering.leave();
    const outcome = await outcomeOf(this.runDir, this.plan, run);
    // A run that was refused before it had a directory is not queued any more.
    const refused = failure && outcome.state === 'queued';
    this.runs[i] = refused ? { ...outcome, state: 'failed', reason: failure.message } : outcome;
    const study = await this.write();
    if (!failure) {
      const { score, state } = this.runs[i];
      if (score !== null) await this.note(`${state}: ${scoreTitle(study.score)} ${score.toFixed(4)}`);
      return;
    }
    if (!study.runs.some(({ state }) => state === 'finished')) throw failure;
    this.failed.push({ ...run, reason: failure.message });
    await this.note(`failed: ${failure.message}`);
  }

  private async train(run: StudyRun, say: Say): Promise<UserError | undefined> {
    const runDir = join(this.runDir, run.run);
    const resume = run.state !== 'queued';
    const request = resume
      ? { runDir, resume, set: [] }
      : {
          configFile: runFiles(this.runDir).config,
          runDir,
          resume,
          set: overridesOf(this.plan, run, this.config.schedule),
        };
    try {
      await train('finetune', request, say, (run) => this.steering.enter(run));
      return undefined;
    } catch (error) {
      if (error instanceof Interrupted) return undefined;
      if (error instanceof UserError) return error;
      throw error;
    }
  }

  private async note(text: string): Promise<void> {
    this.say(text);
    await appendLog(this.runDir, text);
  }
}

/** Works off the queue with a control socket, signals and a heartbeat, and records how it ended. */
async function supervise(queue: StudyQueue, state: RunStateFile, steering: StudySteering, say: Say): Promise<Study> {
  const { runDir } = state;
  // What cannot be written now is written with the next one.
  const show = (): void => void state.update({ step: queue.stepsDone, ...steering.standing }).catch(() => undefined);
  const control = await ControlServer.start(runDir, (command) => {
    const status = steering.command(command, queue.stepsDone);
    if (command !== 'status') show();
    return status;
  });
  const interruption = new Interruption((signal) => {
    steering.stop(`interrupted by ${signal}`);
    show();
  });
  const beat = setInterval(show, BEAT_MS);
  try {
    await state.update({ state: 'running', control: control.address });
    const study = await queue.work();
    const outcome = steering.stopping ? 'interrupted' : 'finished';
    describeStudy(study).forEach(say);
    clearInterval(beat);
    const ended = { ended: new Date().toISOString(), step: queue.stepsDone, control: undefined, activity: undefined };
    await state.update({ ...ended, state: outcome, ...(steering.reason && { exitReason: steering.reason }) });
    return study;
  } catch (error) {
    const exitReason = error instanceof Error ? error.message : String(error);
    clearInterval(beat);
    const ended = { ended: new Date().toISOString(), control: undefined, activity: undefined };
    await state.update({ ...ended, state: 'failed', exitReason }).catch(() => undefined);
    await appendLog(runDir, `failed: ${exitReason}`).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(beat);
    interruption.dispose();
    await control.close();
    await state.release();
  }
}

/**
 * Compares fine-tuning from a checkpoint with fine-tuning from scratch, with the same budget, cases and crops, on several
 * amounts of labelled cases and with several seeds. Every fine-tuning is an ordinary run below the study's run directory; one
 * that was interrupted is resumed, and finished ones are not done again.
 *
 * @throws UsageError for a wrong config, UserError when a run fails; what was finished stays.
 */
export async function study(request: RunRequest, say: Say): Promise<StudyResult> {
  const prepared = await prepareRun('finetune', request, say, 'study');
  const { config } = prepared;
  prepared.warnings.forEach(say);
  const plan = await planStudy(config);
  if (!prepared.resumed) await checkStartingFile(plan.checkpoint);
  const totalSteps = plan.runs.reduce((sum, run) => sum + stepsOf(config, run), 0);
  say(
    `study: ${plan.runs.length} fine-tunings, ${plan.amounts.length} amounts of up to ${plan.available} cases, ` +
      `${plan.seeds.length} seeds, ${plan.heldOut} held-out cases, ${totalSteps} steps in all`,
  );
  const runDir = await openRunDirectory(prepared, config, totalSteps);
  say(`run: ${runDir}`);
  const state = await RunStateFile.open(runDir);
  await state.claim(
    { totalSteps, device: config.device, initFrom: plan.checkpoint },
    { takeOver: prepared.takeOver, say },
  );
  const change = prepared.resumed ? await keepChanges(runDir, config, state.state.step) : undefined;
  if (change) await state.update({ changes: [...(state.state.changes ?? []), change] });
  const steering = new StudySteering(totalSteps);
  const started = performance.now();
  const done = await supervise(new StudyQueue(runDir, config, plan, steering, say), state, steering, say);
  const outcome = steering.stopping ? 'interrupted' : 'finished';
  await appendLog(runDir, `${outcome} after ${formatDuration((performance.now() - started) / 1000)}`);
  const exitCode = outcome === 'finished' ? ExitCode.done : ExitCode.interrupted;
  const { points, differences } = done;
  const { study, studyTable: csv, plot } = runFiles(runDir);
  return { runDir, outcome, study, csv, plot, points, differences, exitCode };
}

/**
 * What a study would take: the estimate of a fine-tuning on all cases, with the steps and checkpoints of all runs.
 *
 * @throws UsageError for a wrong config, UserError when data or device would make the runs fail.
 */
export async function estimateStudy(request: RunRequest, say: Say): Promise<RunEstimate> {
  const { config, runDir, resumed } = await prepareRun('finetune', request, say, 'study');
  const { runs } = await planStudy(config);
  const configFile = resumed ? runFiles(runDir!).config : request.configFile!;
  const all = [...request.set, 'data.fraction=null', 'data.cases=null'];
  const single = await estimateTraining('finetune', { configFile, resume: false, set: all }, say);
  const { checkpoints, time } = single;
  return {
    ...single,
    kind: 'study',
    checkpoints: { ...checkpoints, bytes: checkpoints.bytes * runs.length },
    time: { ...time, steps: runs.reduce((sum, run) => sum + stepsOf(config, run), 0) },
  };
}

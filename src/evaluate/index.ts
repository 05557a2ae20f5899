import { resolve } from 'node:path';
import { loadConfig, resolveTask } from '../config';
import { imageFiles } from '../data/datalist';
import { UsageError, UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import {
  appendLog,
  bestCheckpoint,
  createRun,
  readRunState,
  readSafetensorsHeader,
  runFiles,
  RunStateFile,
  writeResults,
  type FailedCase,
  type Results,
  type ResultsSettings,
  type ResultsSummary,
} from '../runs';
import { refuseFolder } from '../runs/refuseFolder';
import { useDevice } from '../tensor/backends';
import { downstreamFor, type DownstreamName } from '../downstream/descriptors';
import { activityText, counted } from '../text';
import { ProgressBar } from '../text/progressBar';
import type { Say } from '../train/types';
import { refuseOtherScores, removeScores, settingsOf } from './settings';
import { supervise, type Watch } from './supervise';
import { WORK, type Prepared, type Work } from './work';

export interface EvaluateRequest {
  readonly configFile?: string | undefined;
  /** A finished fine-tuning, whose config, checkpoint and folder are used; or the queued run of an evaluation. */
  readonly runDir?: string | undefined;
  readonly checkpoint?: string | undefined;
  /** Replaces scores of other settings that are in the run. */
  readonly force?: boolean;
  readonly set: readonly string[];
}

export interface EvaluateResult {
  readonly runDir: string;
  readonly results: string;
  readonly csv: string;
  readonly checkpoint: string;
  /** Mean Dice over cases; null when no class is in any ground truth, or for a classification. */
  readonly dice: number | null;
  /** The main scores that are defined. */
  readonly heldOut: Readonly<Record<string, number>>;
  /** Held-out cases, and those of them that could not be scored. */
  readonly cases: number;
  readonly failed: readonly FailedCase[];
  /** The config says to leave bad cases out. */
  readonly leavesOut: boolean;
}

async function prepare(request: EvaluateRequest, say: Say): Promise<Prepared> {
  const runDir = request.runDir && resolve(request.runDir);
  const file = request.configFile ?? (runDir && runFiles(runDir).config);
  if (!file) throw new UsageError('voco evaluate: name a config, or a run with --run DIR');
  const { config } = await loadConfig(file, { set: request.set, kind: 'finetune' });
  const named = request.checkpoint && resolve(request.checkpoint);
  if (!named && !runDir)
    throw new UsageError('voco evaluate: name the weights with --checkpoint FILE, or a run with --run DIR');
  if (named) await refuseFolder(named);
  const task = resolveTask(config.task);
  return { config, task, checkpoint: named || (await bestCheckpoint(runDir!, say)).file, runDir };
}

/** What is scored, where, and with which settings. */
interface Scoring {
  readonly prepared: Prepared;
  readonly work: Work;
  readonly runDir: string;
  readonly settings: ResultsSettings;
}

/** What was said of a case before the first is scored is not said again. */
interface Speaker {
  readonly say: Say;
  readonly isNew: (text: string) => boolean;
}

const shown = (value: number | null | undefined): string => value?.toFixed(4) ?? 'undefined';

/** Says the scores, and gives those that are defined. */
function tell({ classes, overall }: ResultsSummary, cases: number, say: Say): Record<string, number> {
  for (const { name, scores } of classes) say(`  ${name.padEnd(28)} Dice ${shown(scores.dice!.mean)}`);
  const main = overall.dice ? ['dice'] : Object.keys(overall);
  for (const name of main) {
    const { mean, low, high } = overall[name]!;
    const title = name === 'dice' ? 'mean Dice' : name;
    // One case has no interval.
    const interval = low === null ? '' : ` (95 % interval ${shown(low)} to ${shown(high)})`;
    say(`${title} ${shown(mean)}${interval} of ${counted(cases, 'case')}`);
  }
  return Object.fromEntries(
    main.flatMap((name) => (overall[name]!.mean === null ? [] : [[name, overall[name]!.mean]])),
  );
}

function failedCase({ all }: Work, { name, reason }: { name: string; reason: string }): FailedCase {
  const item = all.find(({ id }) => id === name)!;
  return { case: name, image: imageFiles(item)[0]!, reason };
}

async function score(
  { prepared, work, runDir, settings }: Scoring,
  watch: Watch,
  { say, isNew }: Speaker,
): Promise<EvaluateResult> {
  const { checkpoint, task } = prepared;
  const bar = new ProgressBar('evaluating', work.cases);
  let reached = 0;
  const shownWatch: Watch = {
    signal: watch.signal,
    progress: async (done) => {
      bar.update((reached = done));
      await watch.progress(done);
    },
    tell: (what, share) => {
      bar.meanwhile(reached, activityText({ what, ...(share !== undefined && { share }) }));
      watch.tell(what, share);
    },
  };
  const {
    csv: table,
    failures,
    ...scored
  } = await work
    .score(runDir, shownWatch, (text) => {
      if (isNew(text)) bar.message(text);
    })
    .finally(() => bar.end());
  const failed = [...work.bad, ...failures.map((failure) => failedCase(work, failure))];
  const done = work.all.length - failed.length;
  if (done === 0)
    throw new UserError(`${runDir}: none of the ${counted(failed.length, 'held-out case')} could be scored`);
  const { metadata } = await readSafetensorsHeader(checkpoint);
  const results: Results = {
    format: 1,
    task: task.title,
    space: 'image',
    checkpoint,
    ...(metadata.step !== undefined && { step: Number(metadata.step) }),
    classes: task.classes,
    published: task.published,
    settings,
    ...(failed.length > 0 && { failed }),
    ...scored,
  };
  const csv = runFiles(runDir).resultsTable;
  await writeFileAtomically(csv, table);
  await writeResults(runDir, results);
  const heldOut = tell(scored.summary, done, say);
  await appendLog(runDir, `evaluated ${checkpoint} on ${counted(done, 'case')}: ${JSON.stringify(heldOut)}`);
  const leavesOut = prepared.config.data.onBadCase === 'skip';
  const about = { dice: heldOut.dice ?? null, heldOut, cases: work.all.length, failed, leavesOut };
  return { runDir, results: runFiles(runDir).results, csv, checkpoint, ...about };
}

/** The run to write into, and its state where it is the evaluation's own. */
async function openRun(prepared: Prepared, request: EvaluateRequest, cases: number) {
  const { config, checkpoint } = prepared;
  const { configFile } = request;
  const own = { root: config.output, name: config.name, kind: 'evaluate' as const, config, totalSteps: cases };
  const runDir =
    prepared.runDir ??
    (await createRun({ ...own, initFrom: checkpoint, ...(configFile && { configFile: resolve(configFile) }) }));
  const { kind } = await readRunState(runDir);
  return { runDir, state: kind === 'evaluate' ? await RunStateFile.open(runDir) : undefined };
}

/**
 * Scores a checkpoint on the held-out cases of a fine-tuning config: Dice, normalised surface distance, HD95 and volume error of
 * each class and case, on the voxel grid of the images; accuracy, F1 and AUC of a classification. Writes results.json,
 * results.csv and, for a segmentation, predictions/ into the run.
 *
 * @throws UsageError for a wrong request, UserError naming the file at fault or telling of an interruption
 */
export async function evaluate(request: EvaluateRequest, say: Say): Promise<EvaluateResult> {
  const prepared = await prepare(request, say);
  const { config, checkpoint, task } = prepared;
  const told = new Set<string>();
  const isNew = (text: string): boolean => !told.has(text) && told.add(text) !== undefined;
  const sayOnce: Say = (text) => {
    if (isNew(text)) say(text);
  };
  const work = await WORK[downstreamFor(task.output).name as DownstreamName](prepared, sayOnce);
  if (work.all.length === 0) {
    throw new UsageError(
      'voco evaluate: the config has no held-out cases; set data.validation or data.validationFraction',
    );
  }
  const device = await useDevice(config.device, { threads: config.threads, precision: config.precision });
  const heldOut = work.all.map(({ id }) => id);
  const settings = await settingsOf(config, checkpoint, heldOut, device);
  const replace = prepared.runDir && (await refuseOtherScores(prepared.runDir, settings, request.force === true));
  say(`device: ${device.name}, ${device.description}`);
  say(`weights: ${checkpoint}`);
  const { runDir, state } = await openRun(prepared, request, work.cases);
  const start = { totalSteps: work.cases, device: device.name, initFrom: checkpoint };
  return supervise(runDir, state, start, say, async (watch) => {
    if (replace) await removeScores(runDir);
    return score({ prepared, work, runDir, settings }, watch, { say, isNew });
  });
}

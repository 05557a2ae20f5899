import { resolve } from 'node:path';
import { loadConfig, resolveTask, type FinetuneConfig, type Task } from '../config';
import { taskOf } from '../catalog';
import type { Case } from '../data/datalist';
import { UsageError } from '../errors/userError';
import type { Cases } from '../tasks';
import { checkCases } from '../train/preflight';
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
  type Results,
  type ResultsSummary,
} from '../runs';
import { refuseFolder } from '../runs/refuseFolder';
import { useDevice } from '../tensor/backends';
import { findClassifiedCases, findLabelledCases } from '../downstream/cases';
import { downstreamFor, type DownstreamName } from '../downstream/descriptors';
import { SCORE_UNITS } from '../downstream/segmentation/scores';
import { openSegmenter } from '../segment/segmenter';
import { counted } from '../text';
import { ProgressBar } from '../text/progressBar';
import type { Say } from '../train/types';
import { evaluateCase } from './cases';
import { CLASSIFICATION_UNITS, classifyCases, summarizeClassification } from './classification';
import { classificationCsv, resultsCsv, summarizeResults } from './summary';
import { supervise, type Watch } from './supervise';

export interface EvaluateRequest {
  readonly configFile?: string | undefined;
  /** A finished fine-tuning, whose config, checkpoint and folder are used; or the queued run of an evaluation. */
  readonly runDir?: string | undefined;
  readonly checkpoint?: string | undefined;
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
}

const SCORES = Object.keys(SCORE_UNITS);

interface Prepared {
  readonly config: FinetuneConfig;
  readonly task: Task;
  readonly checkpoint: string;
  /** The run to write into; undefined: a new one. */
  readonly runDir: string | undefined;
}

async function prepare(request: EvaluateRequest): Promise<Prepared> {
  const runDir = request.runDir && resolve(request.runDir);
  const file = request.configFile ?? (runDir && runFiles(runDir).config);
  if (!file) throw new UsageError('voco evaluate: name a config, or a run with --run DIR');
  const { config } = await loadConfig(file, { set: request.set, kind: 'finetune' });
  const named = request.checkpoint && resolve(request.checkpoint);
  if (!named && !runDir)
    throw new UsageError('voco evaluate: name the weights with --checkpoint FILE, or a run with --run DIR');
  if (named) await refuseFolder(named);
  const task = resolveTask(config.task);
  return { config, task, checkpoint: named || (await bestCheckpoint(runDir!)).file, runDir };
}

/** What was said of a case before the first is scored is not said again. */
interface Speaker {
  readonly say: Say;
  readonly isNew: (text: string) => boolean;
}

type Scored = Pick<Results, 'cases' | 'classification' | 'units' | 'surfaceTolerance'> & {
  readonly summary: ResultsSummary;
  readonly csv: string;
};

/** How many cases are held out, and what measures them. */
interface Work {
  readonly cases: number;
  score(runDir: string, watch: Watch, say: Say): Promise<Scored>;
}

/**
 * The held-out cases that can be scored, judged as a run judges them. Bad ones are an error, or left out with `data.onBadCase`
 * "skip".
 */
async function usableHeldOut<Item extends Case>(
  config: FinetuneConfig,
  find: (config: FinetuneConfig) => Promise<Cases<Item>>,
  say: Say,
): Promise<{ validation: readonly Item[] }> {
  const { validation } = await find(config);
  const checks = (await taskOf(config)).checks(config);
  const { warnings, skipped } = await checkCases(config, { train: [], validation }, checks);
  warnings.forEach(say);
  return { validation: validation.filter((item) => !skipped.has(item)) };
}

async function segmentationWork({ config, checkpoint }: Prepared, say: Say): Promise<Work> {
  const { validation } = await usableHeldOut(config, findLabelledCases, say);
  return {
    cases: validation.length,
    async score(runDir, { signal, progress }, onWarning) {
      const segmenter = await openSegmenter(config, checkpoint);
      const cases = [];
      for (const item of validation) {
        cases.push(await evaluateCase(segmenter, item, { runDir, onWarning, signal }));
        await progress(cases.length);
      }
      return {
        cases,
        units: SCORE_UNITS,
        surfaceTolerance: config.inference.surfaceTolerance,
        summary: summarizeResults(cases, SCORES, config.seed),
        csv: resultsCsv(cases, SCORES),
      };
    },
  };
}

async function classificationWork({ config, checkpoint, task }: Prepared, say: Say): Promise<Work> {
  const { validation } = await usableHeldOut(config, findClassifiedCases, say);
  return {
    cases: validation.length,
    async score(_, watch, onWarning) {
      const classification = await classifyCases(config, checkpoint, validation, watch, onWarning);
      const summary = summarizeClassification(classification, config.seed);
      const names = task.classes.map(({ name }) => name);
      const csv = classificationCsv(classification, names);
      return { cases: [], classification, units: CLASSIFICATION_UNITS, summary, csv };
    },
  };
}

/** How each downstream task is scored. */
const WORK: Readonly<Record<DownstreamName, (prepared: Prepared, say: Say) => Promise<Work>>> = {
  segmentation: segmentationWork,
  classification: classificationWork,
};

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

async function score(
  prepared: Prepared,
  work: Work,
  runDir: string,
  watch: Watch,
  { say, isNew }: Speaker,
): Promise<EvaluateResult> {
  const { checkpoint, task } = prepared;
  const bar = new ProgressBar('evaluating', work.cases);
  const shownWatch: Watch = {
    signal: watch.signal,
    progress: async (done) => {
      bar.update(done);
      await watch.progress(done);
    },
  };
  const { csv: table, ...scored } = await work.score(runDir, shownWatch, (text) => {
    if (isNew(text)) bar.message(text);
  });
  bar.end();
  const { metadata } = await readSafetensorsHeader(checkpoint);
  const results: Results = {
    format: 1,
    task: task.title,
    space: 'image',
    checkpoint,
    ...(metadata.step !== undefined && { step: Number(metadata.step) }),
    classes: task.classes,
    published: task.published,
    ...scored,
  };
  const csv = runFiles(runDir).resultsTable;
  await writeFileAtomically(csv, table);
  await writeResults(runDir, results);
  const heldOut = tell(scored.summary, work.cases, say);
  await appendLog(runDir, `evaluated ${checkpoint} on ${work.cases} cases: ${JSON.stringify(heldOut)}`);
  return { runDir, results: runFiles(runDir).results, csv, checkpoint, dice: heldOut.dice ?? null, heldOut };
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
  const prepared = await prepare(request);
  const { config, checkpoint, task } = prepared;
  const told = new Set<string>();
  const isNew = (text: string): boolean => !told.has(text) && told.add(text) !== undefined;
  const sayOnce: Say = (text) => {
    if (isNew(text)) say(text);
  };
  const work = await WORK[downstreamFor(task.output).name as DownstreamName](prepared, sayOnce);
  if (work.cases === 0) {
    throw new UsageError(
      'voco evaluate: the config has no held-out cases; set data.validation or data.validationFraction',
    );
  }
  const device = await useDevice(config.device, { threads: config.threads, precision: config.precision });
  say(`device: ${device.name}, ${device.description}`);
  say(`weights: ${checkpoint}`);
  const { runDir, state } = await openRun(prepared, request, work.cases);
  const start = { totalSteps: work.cases, device: device.name, initFrom: checkpoint };
  return supervise(runDir, state, start, say, (watch) => score(prepared, work, runDir, watch, { say, isNew }));
}

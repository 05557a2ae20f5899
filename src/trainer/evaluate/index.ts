import { join, relative, resolve } from 'node:path';
import { loadConfig, resolveTask, type FinetuneConfig } from '../../config';
import { imageFiles, type Case } from '../../data/datalist';
import { encodeLabels, labelFile } from '../../data/labelled';
import { UsageError, UserError } from '../../errors/userError';
import { writeFileAtomically } from '../../files/atomic';
import {
  appendLog,
  createRun,
  listCheckpoints,
  readSafetensorsHeader,
  runFiles,
  RunStateFile,
  VALIDATION_PREFIX,
  writeResults,
  type CaseResult,
  type CheckpointInfo,
  type Results,
} from '../../runs';
import { useDevice } from '../../tensor/backends';
import { readNifti, sameGrid, spacingOf, type Volume } from '../../volume';
import { findLabelledCases } from '../finetune/build';
import { SCORE_UNITS, scoreCase } from '../inference/scores';
import { openSegmenter, segmentImage, writeSegmentation, type TrainedSegmenter } from '../inference/segmenter';
import { ProgressBar } from '../progress';
import type { Say } from '../run/types';
import { resultsCsv, summarizeResults } from './summary';

export interface EvaluateRequest {
  readonly configFile?: string | undefined;
  /** A finished fine-tuning, whose config, checkpoint and folder are used. */
  readonly runDir?: string | undefined;
  readonly checkpoint?: string | undefined;
  readonly set: readonly string[];
}

export interface EvaluateResult {
  readonly runDir: string;
  readonly results: string;
  readonly csv: string;
  readonly checkpoint: string;
  /** Mean Dice over cases; null when no class is in any ground truth. */
  readonly dice: number | null;
}

const SCORES = Object.keys(SCORE_UNITS);

/** The checkpoint with the best validation score of a run, else its newest. */
async function bestCheckpoint(runDir: string): Promise<CheckpointInfo> {
  const { checkpoints } = await listCheckpoints(runDir);
  const score = ({ metrics }: CheckpointInfo): number => metrics[`${VALIDATION_PREFIX}dice`] ?? -Infinity;
  const best = checkpoints.reduce<CheckpointInfo | undefined>((a, b) => (a && score(a) > score(b) ? a : b), undefined);
  if (!best) throw new UserError(`${runDir}: this run has no checkpoint to evaluate; name one with --checkpoint`);
  return best;
}

interface Prepared {
  readonly config: FinetuneConfig;
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
  return { config, checkpoint: named || (await bestCheckpoint(runDir!)).file, runDir };
}

/** Scores one case on the voxel grid of its image, and writes the prediction there. */
async function evaluateCase(segmenter: TrainedSegmenter, item: Case, runDir: string, say: Say): Promise<CaseResult> {
  const { codes, config } = segmenter;
  const labels = await segmentImage(segmenter, item, { onWarning: say });
  const prediction = join(runFiles(runDir).predictions, `${item.id.replaceAll(/[/\\#]/g, '_')}.nii.gz`);
  await writeSegmentation(prediction, labels, codes);
  const file = labelFile(item);
  const { volume: truth } = await readNifti(file, { channel: 0 });
  requireSameGrid(truth, labels, file);
  const [, x, y, z] = labels.shape;
  const scores = scoreCase(labels.data, encodeLabels(truth.data, codes, file), codes, {
    size: [x, y, z],
    spacing: spacingOf(labels.affine),
    tolerance: config.inference.surfaceTolerance,
  });
  return {
    case: item.id,
    image: imageFiles(item)[0]!,
    label: file,
    prediction: relative(runDir, prediction),
    classes: codes.classes.map(({ name }, c) => ({
      class: c + 1,
      name,
      scores: Object.fromEntries(
        Object.entries(scores[c]!).map(([score, value]) => [score, Number.isFinite(value) ? value : null]),
      ),
    })),
  };
}

function requireSameGrid(label: Volume, image: Volume, file: string): void {
  const [, x, y, z] = image.shape;
  if (label.shape.slice(1).join() === [x, y, z].join() && sameGrid(label.affine, image.affine, [x, y, z], 0.01)) return;
  throw new UserError(`${file}: does not lie on the voxel grid of its image`);
}

async function score(prepared: Prepared, cases: readonly Case[], runDir: string, say: Say): Promise<EvaluateResult> {
  const { config, checkpoint } = prepared;
  const segmenter = await openSegmenter(config, checkpoint);
  const bar = new ProgressBar('evaluating', cases.length);
  const scored: CaseResult[] = [];
  for (const item of cases) {
    scored.push(await evaluateCase(segmenter, item, runDir, (text) => bar.message(text)));
    bar.update(scored.length, item.id);
  }
  bar.end();
  const summary = summarizeResults(scored, SCORES, config.seed);
  const { metadata } = await readSafetensorsHeader(checkpoint);
  const { published, title } = resolveTask(config.task);
  const results: Results = {
    format: 1,
    task: title,
    units: SCORE_UNITS,
    space: 'image',
    surfaceTolerance: config.inference.surfaceTolerance,
    checkpoint,
    ...(metadata.step !== undefined && { step: Number(metadata.step) }),
    cases: scored,
    summary,
    published,
  };
  await writeResults(runDir, results);
  const csv = join(runDir, 'results.csv');
  await writeFileAtomically(csv, resultsCsv(scored, SCORES));
  for (const { name, scores } of summary.classes) say(`  ${name.padEnd(28)} Dice ${shown(scores.dice!.mean)}`);
  const { mean, low, high } = summary.overall.dice!;
  say(`mean Dice ${shown(mean)} (95 % interval ${shown(low)} to ${shown(high)}) of ${scored.length} cases`);
  return { runDir, results: runFiles(runDir).results, csv, checkpoint, dice: mean };
}

const shown = (value: number | null): string => (value === null ? 'undefined' : value.toFixed(4));

/** A run of its own for an evaluation that was not asked for in an existing one. */
async function inNewRun(
  prepared: Prepared,
  configFile: string | undefined,
  cases: number,
  work: (runDir: string) => Promise<EvaluateResult>,
): Promise<EvaluateResult> {
  const { config } = prepared;
  const run = { root: config.output, name: config.name, kind: 'evaluate' as const, config, totalSteps: cases };
  const runDir = await createRun({ ...run, ...(configFile && { configFile: resolve(configFile) }) });
  const state = await RunStateFile.open(runDir);
  await state.claim({ state: 'running', initFrom: prepared.checkpoint });
  try {
    const result = await work(runDir);
    await state.update({ state: 'finished', step: cases, ended: new Date().toISOString() });
    return result;
  } catch (error) {
    const exitReason = error instanceof Error ? error.message : String(error);
    await state.update({ state: 'failed', ended: new Date().toISOString(), exitReason }).catch(() => undefined);
    throw error;
  }
}

/**
 * Scores a checkpoint on the held-out cases of a fine-tuning config: Dice, normalised surface distance, HD95 and volume error of
 * each class and case, on the voxel grid of the images. Writes results.json, results.csv and predictions/ into the run.
 *
 * @throws UsageError for a wrong request, UserError naming the file at fault
 */
export async function evaluate(request: EvaluateRequest, say: Say): Promise<EvaluateResult> {
  const prepared = await prepare(request);
  const { config, checkpoint } = prepared;
  if (resolveTask(config.task).output === 'classification') {
    throw new UsageError('voco evaluate: tasks of classification are measured by voco finetune at each validation');
  }
  const { validation } = await findLabelledCases(config);
  if (validation.length === 0) {
    throw new UsageError(
      'voco evaluate: the config has no held-out cases; set data.validation or data.validationFraction',
    );
  }
  const device = await useDevice(config.device, { threads: config.threads, precision: config.precision });
  say(`device: ${device.name}, ${device.description}`);
  say(`weights: ${checkpoint}`);
  const work = async (runDir: string): Promise<EvaluateResult> => {
    const result = await score(prepared, validation, runDir, say);
    await appendLog(runDir, `evaluated ${checkpoint}: mean Dice ${shown(result.dice)} of ${validation.length} cases`);
    return result;
  };
  if (prepared.runDir) return work(prepared.runDir);
  return inNewRun(prepared, request.configFile, validation.length, work);
}

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { resolveTask, type FinetuneConfig } from '../config';
import { cacheFolder, cacheKey, resultImage } from '../data/cache';
import { UserError } from '../errors/userError';
import type { Prediction } from '../protocol/comparison';
import { openSegmenter, segmentImage, writeSegmentation, type TrainedSegmenter } from '../segment/segmenter';
import type { Say } from '../train/types';
import type { OpenedCheckpoint } from './checkpoints';
import { evaluationsOf, type Evaluation } from './evaluations';
import type { CallContext } from '../rpc';

/** Changes whenever the numbers of a segmentation do. */
const PREDICTION_VERSION = 1;

const modified = async (file: string): Promise<number | undefined> =>
  stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );

/** Where the segmentation of an image is kept: named by checkpoint, image and settings. @throws UserError when one is not there */
async function keptFile(file: string, config: FinetuneConfig, image: readonly string[]): Promise<string> {
  const { preprocess, channel, cache } = config.data;
  const { crops, inference, network, task } = config;
  const settings = { preprocess, channel, roi: crops.size, inference, network, task };
  const key = await cacheKey([file, ...image], { prediction: PREDICTION_VERSION, settings });
  return resultImage(cacheFolder(cache.folder), key);
}

/** Whether an evaluation wrote label values as this config has them. */
function sameClasses({ results }: Evaluation, config: FinetuneConfig): boolean {
  const values = (classes: readonly { readonly values: readonly number[] }[]): string =>
    JSON.stringify(classes.map((item) => item.values));
  return !results.classes || values(results.classes) === values(resolveTask(config.task).classes);
}

/** The segmentation that an evaluation wrote, unless checkpoint or image are newer. */
async function evaluated(evaluation: Evaluation, file: string, image: string): Promise<string | undefined> {
  const found = evaluation.results.cases.find((item) => resolve(item.image) === image);
  if (!found?.prediction) return undefined;
  const prediction = resolve(evaluation.dir, found.prediction);
  const [written, checkpoint, scan] = await Promise.all([prediction, file, image].map(modified));
  if (written === undefined || checkpoint === undefined || scan === undefined) return undefined;
  return written >= checkpoint && written >= scan ? prediction : undefined;
}

/**
 * A segmentation that is there already: an evaluation's, else one that was computed before.
 *
 * @param image absolute paths
 * @throws UserError naming a file that is not there
 */
export async function findPrediction(
  { file, config }: OpenedCheckpoint,
  evaluations: readonly Evaluation[],
  image: readonly string[],
): Promise<Prediction | undefined> {
  if (config?.kind !== 'finetune') return undefined;
  for (const evaluation of evaluations) {
    if (!sameClasses(evaluation, config)) continue;
    const prediction = await evaluated(evaluation, file, image[0]!);
    if (prediction !== undefined) return { file: prediction, from: 'evaluation' };
  }
  const kept = await keptFile(file, config, image);
  return (await modified(kept)) === undefined ? undefined : { file: kept, from: 'cache' };
}

/** Segments images with fine-tuned checkpoints. The last one stays on the device. */
export class Segmentations {
  private held?: { readonly key: string; readonly segmenter: TrainedSegmenter };

  constructor(private readonly onWarning: Say) {}

  /**
   * The segmentation of an image: {@link findPrediction}, else computed and kept.
   *
   * @throws UserError naming the file at fault; AbortError when cancelled, with nothing written
   */
  async predict(opened: OpenedCheckpoint, image: readonly string[], watched: CallContext): Promise<Prediction> {
    const { file, config, checkpoint } = opened;
    const reason = checkpoint.cannot.predict;
    if (reason !== undefined || config?.kind !== 'finetune') throw new UserError(reason ?? `${file}: segments nothing`);
    const found = await findPrediction(opened, await evaluationsOf(checkpoint), image);
    if (found) return found;
    watched.signal.throwIfAborted();
    const target = await keptFile(file, config, image);
    const segmenter = await this.segmenter(file, config);
    const labels = await segmentImage(segmenter, { image }, { ...watched, onWarning: this.onWarning });
    watched.signal.throwIfAborted();
    await writeSegmentation(target, labels, segmenter.codes);
    return { file: target, from: 'computed' };
  }

  /** Lets go of the network. */
  dispose(): void {
    this.held?.segmenter.network.dispose();
    delete this.held;
  }

  private async segmenter(file: string, config: FinetuneConfig): Promise<TrainedSegmenter> {
    const key = await cacheKey([file], {});
    if (this.held?.key !== key) {
      this.dispose();
      this.held = { key, segmenter: await openSegmenter(config, file) };
    }
    return this.held.segmenter;
  }
}

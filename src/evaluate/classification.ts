import type { FinetuneConfig } from '../config';
import type { ClassifiedCase } from '../data/classified';
import { imageFiles } from '../data/datalist';
import { inTurn, type Failure } from '../errors/inTurn';
import { bootstrapScores, classificationScores, softmax, type ClassificationScores } from '../metrics';
import type { ClassifiedResult, ResultsSummary, ScoreSummary } from '../runs';
import * as tf from '../tensor/tf';
import { inputOf } from '../downstream/classification/loss';
import { validationInput } from '../downstream/classification/sampler';
import { buildClassifier, classifierStore } from '../downstream/classification/task';
import { breathe } from '../rpc/breath';
import type { Say } from '../train/types';
import { readWeights } from '../convert/read';
import type { Watch } from './supervise';

/** Scores of a classification; all are shares of one. */
export const CLASSIFICATION_UNITS: Record<keyof ClassificationScores, string> = { accuracy: '', f1: '', auc: '' };

/**
 * The probabilities of each class for each case.
 *
 * @throws UserError naming the checkpoint or the image at fault
 */
export async function classifyCases(
  config: FinetuneConfig,
  checkpoint: string,
  cases: readonly ClassifiedCase[],
  watch: Watch,
  say: Say,
): Promise<{ found: ClassifiedResult[]; failures: Failure[] }> {
  const network = buildClassifier(config);
  const { entries } = await readWeights(checkpoint);
  network.parameters.loadStateDict(entries, { strict: true, source: checkpoint });
  const store = classifierStore(config, say);
  const found: ClassifiedResult[] = [];
  const classify = async (item: ClassifiedCase): Promise<ClassifiedResult> => {
    watch.tell(`case ${cases.indexOf(item) + 1} of ${cases.length}`);
    await breathe(watch.signal);
    const batch = await validationInput(item, store, config);
    const logits = tf.tidy(() => network.forward(inputOf(batch)));
    const probabilities = softmax(Array.from(await logits.data()));
    logits.dispose();
    return { case: item.id, image: imageFiles(item)[0]!, truth: item.class, probabilities };
  };
  const keep = async (result: ClassifiedResult): Promise<void> => {
    found.push(result);
    await watch.progress(found.length);
  };
  const failures = await inTurn(cases, ({ id }) => id, classify, keep, say, watch.signal);
  return { found, failures };
}

/** Accuracy, F1 and AUC over all cases, with 95 % bootstrap intervals; null where undefined. */
export function summarizeClassification(cases: readonly ClassifiedResult[], seed: number): ResultsSummary {
  const of = (chosen: readonly ClassifiedResult[]): ClassificationScores =>
    classificationScores(
      chosen.map(({ probabilities }) => probabilities),
      chosen.map(({ truth }) => truth),
    );
  const names = Object.keys(CLASSIFICATION_UNITS) as (keyof ClassificationScores)[];
  const whole = of(cases);
  const draws = bootstrapScores(cases, of, { seed });
  const overall = names.map((name): [string, ScoreSummary] => {
    const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
    const { low, high } = draws(name);
    return [name, { mean: finite(whole[name]), low: finite(low), high: finite(high), count: cases.length }];
  });
  return { classes: [], overall: Object.fromEntries(overall) };
}

/** Scores of a classification over cases. */
export interface ClassificationScores {
  readonly accuracy: number;
  /** Mean over the classes that occur, in truth or prediction, of the harmonic mean of precision and recall. */
  readonly f1: number;
  /** Mean over classes of the area under the one-against-the-rest ROC curve; NaN when no class has both kinds. */
  readonly auc: number;
}

/** Probabilities of logits, without overflow. */
export function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

/**
 * Area under the ROC curve: the share of pairs (positive, negative) in which the positive has the higher score; ties count half.
 * NaN without positives or without negatives.
 */
export function rocAuc(scores: readonly number[], positive: readonly boolean[]): number {
  const order = scores.map((score, i) => ({ score, positive: positive[i]! })).sort((a, b) => a.score - b.score);
  const positives = positive.filter(Boolean).length;
  const negatives = positive.length - positives;
  if (positives === 0 || negatives === 0) return NaN;
  let [pairs, below] = [0, 0];
  for (let at = 0; at < order.length;) {
    let end = at;
    let [up, down] = [0, 0];
    for (; end < order.length && order[end]!.score === order[at]!.score; end++) {
      if (order[end]!.positive) up++;
      else down++;
    }
    pairs += up * (below + down / 2);
    below += down;
    at = end;
  }
  return pairs / (positives * negatives);
}

/**
 * Accuracy, macro F1 and macro AUC (scikit-learn's `accuracy_score`, `f1_score(average="macro")`,
 * `roc_auc_score(multi_class="ovr")`).
 *
 * @param scores of each case, one a class: probabilities or logits of a softmax
 * @param truth class of each case
 */
export function classificationScores(
  scores: readonly (readonly number[])[],
  truth: readonly number[],
): ClassificationScores {
  const classes = scores[0]?.length ?? 0;
  const predicted = scores.map((row) => row.indexOf(Math.max(...row)));
  const hits = truth.filter((value, i) => value === predicted[i]).length;
  const f1: number[] = [];
  const auc: number[] = [];
  for (let c = 0; c < classes; c++) {
    const both = truth.filter((value, i) => value === c && predicted[i] === c).length;
    const all = truth.filter((value) => value === c).length + predicted.filter((value) => value === c).length;
    if (all > 0) f1.push((2 * both) / all);
    const area = rocAuc(
      scores.map((row) => row[c]!),
      truth.map((value) => value === c),
    );
    if (!Number.isNaN(area)) auc.push(area);
  }
  const mean = (values: readonly number[]): number =>
    values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN;
  return { accuracy: truth.length > 0 ? hits / truth.length : NaN, f1: mean(f1), auc: mean(auc) };
}

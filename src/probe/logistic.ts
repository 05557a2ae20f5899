import type { InPieces } from '../rpc/breath';
import { minimize, type Smooth } from './minimize';

/** Features of crops, `[rows, columns]`, row by row. */
export interface Features {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** Some rows of features, in the order of `indices`. */
export function takeRows({ columns, values }: Features, indices: readonly number[]): Features {
  const taken = new Float32Array(indices.length * columns);
  indices.forEach((from, to) => taken.set(values.subarray(from * columns, (from + 1) * columns), to * columns));
  return { rows: indices.length, columns, values: taken };
}

/** Means and inverse deviations of columns. A column that hardly differs from row to row tells nothing, and is left out (0). */
export interface Scaling {
  readonly mean: Float64Array;
  readonly inverse: Float64Array;
}

export function scalingOf({ rows, columns, values }: Features): Scaling {
  const [mean, inverse] = [new Float64Array(columns), new Float64Array(columns)];
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rows; r++) mean[c]! += values[r * columns + c]! / rows;
    let variance = 0;
    for (let r = 0; r < rows; r++) variance += (values[r * columns + c]! - mean[c]!) ** 2 / rows;
    const deviation = Math.sqrt(variance);
    // Below this, a difference of features in float32 is rounding.
    inverse[c] = deviation > 1e-6 * Math.max(Math.abs(mean[c]!), 1e-3) ? 1 / deviation : 0;
  }
  return { mean, inverse };
}

/** Columns of mean 0 and deviation 1 over the rows that the scaling is of. */
export function standardized({ rows, columns, values }: Features, { mean, inverse }: Scaling): Features {
  const scaled = values.map((value, i) => (value - mean[i % columns]!) * inverse[i % columns]!);
  return { rows, columns, values: scaled };
}

/** Writes the logits of a row; `weights` is `[columns + 1, classes]`, the last row the biases. */
function logitsOf(
  { columns, values }: Features,
  row: number,
  weights: Float64Array,
  classes: number,
  out: Float64Array,
): void {
  const bias = columns * classes;
  for (let k = 0; k < classes; k++) out[k] = weights[bias + k]!;
  for (let c = 0, at = row * columns; c < columns; c++, at++) {
    const value = values[at]!;
    if (value === 0) continue;
    for (let k = 0, w = c * classes; k < classes; k++, w++) out[k]! += value * weights[w]!;
  }
}

/** Turns logits into probabilities in place. @returns the logarithm of the sum of their exponentials */
function toProbabilities(logits: Float64Array): number {
  let most = -Infinity;
  for (const value of logits) most = Math.max(most, value);
  let sum = 0;
  for (let k = 0; k < logits.length; k++) sum += logits[k] = Math.exp(logits[k]! - most);
  for (let k = 0; k < logits.length; k++) logits[k]! /= sum;
  return most + Math.log(sum);
}

/**
 * The mean cross entropy of a multinomial logistic regression, plus `penalty / 2` times the squared norm of its weights
 * (scikit-learn's `LogisticRegression` with `C = 1 / (penalty · rows)`); biases are free.
 *
 * @param labels class of each row
 */
export function logisticLoss(features: Features, labels: Int32Array, classes: number, penalty: number): Smooth {
  const { rows, columns, values } = features;
  const scores = new Float64Array(classes);
  const bias = columns * classes;
  return (weights, gradient) => {
    gradient.fill(0);
    let loss = 0;
    for (let r = 0; r < rows; r++) {
      logitsOf(features, r, weights, classes, scores);
      const own = scores[labels[r]!]!;
      loss += (toProbabilities(scores) - own) / rows;
      scores[labels[r]!]! -= 1;
      for (let k = 0; k < classes; k++) gradient[bias + k]! += scores[k]! / rows;
      for (let c = 0, at = r * columns; c < columns; c++, at++) {
        const value = values[at]! / rows;
        if (value === 0) continue;
        for (let k = 0, w = c * classes; k < classes; k++, w++) gradient[w]! += value * scores[k]!;
      }
    }
    for (let i = 0; i < bias; i++) {
      loss += (penalty / 2) * weights[i]! ** 2;
      gradient[i]! += penalty * weights[i]!;
    }
    return loss;
  };
}

/** Weights of the regression, `[columns + 1, classes]`. @param start where the search starts; by default at 0 */
export function* fitLogistic(
  features: Features,
  labels: Int32Array,
  classes: number,
  penalty: number,
  start: Float64Array = new Float64Array((features.columns + 1) * classes),
): InPieces<Float64Array> {
  return (yield* minimize(logisticLoss(features, labels, classes, penalty), start)).at;
}

export interface Quality {
  /** Share of rows whose class has the largest logit. */
  readonly accuracy: number;
  readonly crossEntropy: number;
}

/** How well weights tell the classes of rows. @param labels −1 for a class that the regression does not know: always wrong */
export function qualityOf(features: Features, labels: Int32Array, classes: number, weights: Float64Array): Quality {
  const scores = new Float64Array(classes);
  let [right, loss, known] = [0, 0, 0];
  for (let r = 0; r < features.rows; r++) {
    logitsOf(features, r, weights, classes, scores);
    const label = labels[r]!;
    if (label < 0) continue;
    known++;
    if (scores.indexOf(scores.reduce((most, value) => Math.max(most, value))) === label) right++;
    const own = scores[label]!;
    loss += toProbabilities(scores) - own;
  }
  return { accuracy: right / features.rows, crossEntropy: known > 0 ? loss / known : 0 };
}

/** Voxel counts of one class in a prediction and its ground truth. */
export interface Overlap {
  readonly both: number;
  readonly predicted: number;
  readonly truth: number;
}

type Labels = Uint8Array | Uint16Array | Int32Array;

/**
 * Counts overlaps of classes 0 … classes − 1 between two label maps of the same length, in one pass.
 *
 * @throws RangeError when the maps differ in length.
 */
export function countOverlaps(prediction: Labels, truth: Labels, classes: number): Overlap[] {
  if (prediction.length !== truth.length) throw new RangeError('prediction and truth differ in length');
  const table = new Float64Array(classes * 3);
  for (let i = 0; i < truth.length; i++) {
    const [p, t] = [prediction[i]!, truth[i]!];
    if (p < classes) table[p * 3 + 1]!++;
    if (t < classes) table[t * 3 + 2]!++;
    if (p === t && p < classes) table[p * 3]!++;
  }
  return Array.from({ length: classes }, (_, c) => ({
    both: table[c * 3]!,
    predicted: table[c * 3 + 1]!,
    truth: table[c * 3 + 2]!,
  }));
}

/** Counts the overlap of two masks (non-zero is inside). */
export function countMaskOverlap(prediction: Labels, truth: Labels): Overlap {
  if (prediction.length !== truth.length) throw new RangeError('prediction and truth differ in length');
  let [both, predicted, inTruth] = [0, 0, 0];
  for (let i = 0; i < truth.length; i++) {
    const [p, t] = [prediction[i]! > 0 ? 1 : 0, truth[i]! > 0 ? 1 : 0];
    predicted += p;
    inTruth += t;
    both += p & t;
  }
  return { both, predicted, truth: inTruth };
}

/**
 * Dice of a class, as MONAI's DiceMetric: NaN when the class is not in the ground truth; with `ignoreEmpty` false it is
 * then 1 where nothing was predicted either, else 0.
 */
export function diceOf({ both, predicted, truth }: Overlap, ignoreEmpty = true): number {
  if (truth > 0) return (2 * both) / (truth + predicted);
  if (ignoreEmpty) return NaN;
  return predicted > 0 ? 0 : 1;
}

/** Volume of the prediction relative to the truth's, minus 1: 0.1 is 10 % too large; NaN for a class that is absent. */
export function volumeError({ predicted, truth }: Overlap): number {
  return truth > 0 ? (predicted - truth) / truth : NaN;
}

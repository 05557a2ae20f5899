import * as tf from '../tensor/tf';

/** DiceCE loss of segmentation logits (MONAI DiceCELoss); the defaults are MONAI's. */
export interface DiceCeOptions {
  /** softmax: one class a voxel; sigmoid: classes may overlap. */
  readonly activation: 'softmax' | 'sigmoid';
  /** Count channel 0 in the Dice part; cross entropy always has all classes. */
  readonly includeBackground?: boolean;
  /** Square predictions and targets in the denominator. */
  readonly squared?: boolean;
  /** One Dice for all samples together instead of one each. */
  readonly batch?: boolean;
  readonly diceWeight?: number;
  readonly ceWeight?: number;
  readonly smoothNumerator?: number;
  readonly smoothDenominator?: number;
}

/** What a label map tells of, where that is not every voxel and class. */
export interface LabelScope {
  /** `[N, voxels]`: 1 for voxels that count, 0 for those that are left out; undefined: all count. */
  readonly counted?: tf.Tensor2D | undefined;
  /** `[N, C]`: 1 for channels whose class is labelled in the row, 0 for others; undefined: all are. */
  readonly labelled?: tf.Tensor2D | undefined;
}

export interface DiceCeParts extends tf.TensorContainerObject {
  loss: tf.Scalar;
  dice: tf.Scalar;
  ce: tf.Scalar;
}

/** `[N, …, C]` → `[N, voxels, C]`: reductions over five axes are slow or missing on some devices. */
function flatten(x: tf.Tensor): tf.Tensor3D {
  const [n, c] = [x.shape[0]!, x.shape.at(-1)!];
  return tf.reshape(x, [n, x.size / (n * c), c]);
}

/** Dice loss of each sample and class `[N, C]` (of each class `[1, C]` with `batch`): 1 − (2·Σpt + s₁) / (Σp + Σt + s₂). */
function diceTerms(p: tf.Tensor3D, t: tf.Tensor3D, options: DiceCeOptions, counted?: tf.Tensor2D): tf.Tensor2D {
  const { smoothNumerator = 1e-5, smoothDenominator = 1e-5, squared = false, batch = false } = options;
  const weights = counted && tf.expandDims(counted, 2);
  const sum = (x: tf.Tensor3D): tf.Tensor2D => {
    const each = tf.sum(weights ? tf.mul(x, weights) : x, 1) as tf.Tensor2D;
    return batch ? (tf.sum(each, 0, true) as tf.Tensor2D) : each;
  };
  const both = sum(tf.mul(p, t));
  const sizes = squared ? tf.add(sum(tf.square(p)), sum(tf.square(t))) : tf.add(sum(p), sum(t));
  const share = tf.div(tf.add(tf.mul(both, 2), smoothNumerator), tf.add(sizes, smoothDenominator));
  const terms = tf.sub(1, share) as tf.Tensor2D;
  const [rows, classes] = terms.shape;
  // The background is cut from the sums: cutting it from the voxels would copy them.
  return options.includeBackground || classes === 1 ? terms : tf.slice2d(terms, [0, 1], [rows, classes - 1]);
}

/** log(sigmoid(x)) without overflow: min(x, 0) − log(1 + e^−|x|). */
function logSigmoid(x: tf.Tensor3D): tf.Tensor3D {
  return tf.sub(tf.minimum(x, 0), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));
}

function activate(logits: tf.Tensor3D, target: tf.Tensor3D, kind: DiceCeOptions['activation']) {
  if (kind === 'softmax') {
    const log = tf.logSoftmax(logits, 2);
    const voxels = logits.shape[0] * logits.shape[1];
    return { probabilities: tf.exp(log), ce: tf.neg(tf.div(tf.sum(tf.mul(log, target)), voxels)) };
  }
  // Binary cross entropy of each class: −log σ(x) where inside, −log(1 − σ(x)) = x − log σ(x) where outside.
  const log = logSigmoid(logits);
  const ce = tf.mean(tf.sub(tf.mul(tf.sub(1, target), logits), log));
  return { probabilities: tf.exp(log), ce };
}

/** Below the logarithm of any probability: what it is added to counts for nothing in a sum. */
const NOTHING = -1e4;

/**
 * Logarithm of the probability `[N, voxels]` that a voxel is none of the labelled classes: the background's, with those of the
 * classes that are not labelled added.
 */
function logRest(log: tf.Tensor3D, labelled: tf.Tensor2D): tf.Tensor2D {
  const [n, c] = labelled.shape;
  const own = tf.concat([tf.zeros([n, 1]), tf.slice2d(labelled, [0, 1], [n, c - 1])], 1);
  return tf.logSumExp(tf.add(log, tf.expandDims(tf.mul(own, NOTHING), 1)), 2);
}

/** Mean of values `[N, voxels]` over the voxels that count of each row, then over rows; 0 for a row without any. */
function meanOfCounted(values: tf.Tensor2D, counted: tf.Tensor2D | undefined): tf.Scalar {
  if (!counted) return tf.mean(values) as tf.Scalar;
  const counts = tf.maximum(tf.sum(counted, 1), 1);
  return tf.mean(tf.div(tf.sum(tf.mul(values, counted), 1), counts)) as tf.Scalar;
}

/** As {@link activate}, where not every voxel counts or not every class is labelled. */
function activateWithin(
  logits: tf.Tensor3D,
  target: tf.Tensor3D,
  kind: DiceCeOptions['activation'],
  scope: LabelScope,
) {
  const { counted, labelled } = scope;
  if (kind === 'sigmoid') {
    const log = logSigmoid(logits);
    const each = tf.sub(tf.mul(tf.sub(1, target), logits), log);
    const mean = labelled
      ? tf.div(tf.sum(tf.mul(each, tf.expandDims(labelled, 1)), 2), tf.maximum(tf.sum(labelled, 1, true), 1))
      : tf.mean(each, 2);
    return { probabilities: tf.exp(log), ce: meanOfCounted(mean as tf.Tensor2D, counted) };
  }
  const log = tf.logSoftmax(logits, 2);
  if (!labelled)
    return {
      probabilities: tf.exp(log),
      ce: meanOfCounted(tf.neg(tf.sum(tf.mul(log, target), 2)) as tf.Tensor2D, counted),
    };
  const [n, voxels, c] = log.shape;
  const rest = tf.expandDims(logRest(log, labelled), 2) as tf.Tensor3D;
  const merged = tf.concat3d([rest, tf.slice3d(log, [0, 0, 1], [n, voxels, c - 1])], 2);
  const ce = meanOfCounted(tf.neg(tf.sum(tf.mul(merged, target), 2)) as tf.Tensor2D, counted);
  return { probabilities: tf.exp(merged), ce };
}

/** Mean of the Dice terms `[N, C]` over the labelled classes of each row, then over rows. */
function meanOfLabelled(terms: tf.Tensor2D, labelled: tf.Tensor2D | undefined, options: DiceCeOptions): tf.Scalar {
  if (!labelled) return tf.mean(terms) as tf.Scalar;
  const [rows, classes] = terms.shape;
  const first = labelled.shape[1] - classes;
  const own = tf.slice2d(
    options.batch ? (tf.max(labelled, 0, true) as tf.Tensor2D) : labelled,
    [0, first],
    [rows, classes],
  );
  return tf.mean(tf.div(tf.sum(tf.mul(terms, own), 1), tf.maximum(tf.sum(own, 1), 1))) as tf.Scalar;
}

/**
 * Dice loss plus cross entropy.
 *
 * With `softmax`: MONAI 1.3 `DiceCELoss(softmax=True, to_onehot_y=True)`. With `sigmoid`: the Dice part is MONAI's
 * `DiceLoss(sigmoid=True)`, the other part is the mean binary cross entropy over voxels and classes.
 *
 * Where a row's label map does not tell of every class (`scope.labelled`): with `softmax`, the marginal loss of Shi et al. 2021
 * ("Marginal loss and exclusion loss for partially supervised multi-organ segmentation", eq. 3 to 6; Fang & Yan 2020 call it
 * the target adaptive loss). The probabilities of the classes that are not labelled are added to the background's, and Dice and
 * cross entropy are taken of what is left. With `sigmoid`, those channels are left out. Voxels that do not count
 * (`scope.counted`) are left out of every sum. A row is a mean over its own voxels and classes, and rows weigh alike.
 *
 * @param logits [N, …, C]
 * @param target [N, …, C]: 1 where a voxel is of the class, else 0; with `softmax`, voxels of classes that are not labelled are
 *   background (channel 0); voxels that do not count may be 0 in all channels
 */
export function diceCeLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: DiceCeOptions,
  scope: LabelScope = {},
): DiceCeParts {
  const { diceWeight = 1, ceWeight = 1 } = options;
  const { counted, labelled } = scope;
  return tf.tidy(() => {
    const t = flatten(target);
    const x = flatten(logits);
    const { probabilities, ce } =
      counted || labelled ? activateWithin(x, t, options.activation, scope) : activate(x, t, options.activation);
    const dice = meanOfLabelled(diceTerms(probabilities, t, options, counted), labelled, options);
    const loss = tf.add(tf.mul(dice, diceWeight), tf.mul(ce, ceWeight)) as tf.Scalar;
    return { loss, dice, ce: ce as tf.Scalar };
  });
}

/** Dice loss of each sample and class, [N, C]: MONAI `DiceLoss(reduction="none")`; see {@link diceCeLoss}. */
export function diceLossTerms(logits: tf.Tensor, target: tf.Tensor, options: DiceCeOptions): tf.Tensor2D {
  return tf.tidy(() => {
    const t = flatten(target);
    return diceTerms(activate(flatten(logits), t, options.activation).probabilities, t, options);
  });
}

/**
 * Mean cross entropy of class logits [N, C] with a weight for each class (torch CrossEntropyLoss(weight)): the weighted sum over
 * samples is divided by the sum of the weights of their classes.
 */
export function weightedCrossEntropy(logits: tf.Tensor2D, target: tf.Tensor2D, weights: readonly number[]): tf.Scalar {
  return tf.tidy(() => {
    const weighted = tf.mul(target, tf.tensor2d([...weights], [1, weights.length]));
    return tf.neg(tf.div(tf.sum(tf.mul(tf.logSoftmax(logits, 1), weighted)), tf.sum(weighted))) as tf.Scalar;
  });
}

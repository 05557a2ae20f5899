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
function diceTerms(p: tf.Tensor3D, t: tf.Tensor3D, options: DiceCeOptions): tf.Tensor2D {
  const { smoothNumerator = 1e-5, smoothDenominator = 1e-5, squared = false, batch = false } = options;
  const sum = (x: tf.Tensor3D): tf.Tensor2D => {
    const each = tf.sum(x, 1) as tf.Tensor2D;
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

/**
 * Dice loss plus cross entropy.
 *
 * With `softmax`: MONAI 1.3 `DiceCELoss(softmax=True, to_onehot_y=True)`. With `sigmoid`: the Dice part is MONAI's
 * `DiceLoss(sigmoid=True)`, the other part is the mean binary cross entropy over voxels and classes.
 *
 * @param logits [N, …, C]
 * @param target [N, …, C]: 1 where a voxel is of the class, else 0
 */
export function diceCeLoss(logits: tf.Tensor, target: tf.Tensor, options: DiceCeOptions): DiceCeParts {
  const { diceWeight = 1, ceWeight = 1 } = options;
  return tf.tidy(() => {
    const t = flatten(target);
    const { probabilities, ce } = activate(flatten(logits), t, options.activation);
    const dice = tf.mean(diceTerms(probabilities, t, options)) as tf.Scalar;
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

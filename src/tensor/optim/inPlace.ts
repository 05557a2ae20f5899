import * as tf from '../tf';

/** The arguments of torch.optim.AdamW but the learning rate, which a schedule gives. */
export interface AdamWOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly amsgrad: boolean;
}

/** One step of AdamW, on every device. */
export interface AdamWStep extends AdamWOptions {
  readonly rate: number;
  /** 1 at the first step. */
  readonly step: number;
}

/** A list for each role, one entry a parameter; `vmax` where the options have `amsgrad`. */
export interface AdamWTensors<T> {
  readonly parameters: readonly T[];
  readonly gradients: readonly T[];
  readonly m: readonly T[];
  readonly v: readonly T[];
  readonly vmax?: readonly T[] | undefined;
}

/** The numbers of a step: p ← p · keep − rate · m / (√v · correction + eps). */
export function adamwNumbers({ betas: [beta1, beta2], eps, weightDecay, rate, step }: AdamWStep) {
  return {
    keep: 1 - rate * weightDecay,
    rate: rate / (1 - beta1 ** step),
    correction: 1 / Math.sqrt(1 - beta2 ** step),
    beta1,
    rest1: 1 - beta1,
    beta2,
    rest2: 1 - beta2,
    eps,
  };
}

/** What a backend may offer to update tensors in their own memory, all in one call. */
export interface InPlaceUpdates {
  adamwStep(tensors: AdamWTensors<tf.DataId>, options: AdamWStep): void;
  emaStep(teacher: tf.DataId[], student: tf.DataId[], momentum: number): void;
  sumOfSquares(ids: tf.DataId[]): number;
  accumulate(target: tf.DataId, addend: tf.DataId): void;
}

/** The current backend's in-place updates: any of them may be missing. */
export function inPlaceUpdates(): Partial<InPlaceUpdates> {
  return tf.backend() as tf.KernelBackend & Partial<InPlaceUpdates>;
}

/**
 * Gives the variable memory of its own where it shares it (a variable shares the memory of the tensor it was made from),
 * so that an update in place changes nothing else.
 */
export function unshare(variable: tf.Variable): void {
  if (sharers(variable) > 1) replace(variable, tf.add(variable, 0));
}

/** How many tensors share the memory of this one, itself included; 0 where it lies on another backend. */
function sharers(tensor: tf.Tensor): number {
  return tf.backend().refCount(tensor.dataId);
}

/**
 * The sum of two tensors of one shape, which are both taken over: in the memory of one of them where the backend can do that
 * and no other tensor shares it.
 */
export function addOwned(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const { accumulate } = inPlaceUpdates();
  const floats = a.dtype === 'float32' && b.dtype === 'float32';
  const target = accumulate && floats ? [a, b].find((tensor) => sharers(tensor) === 1) : undefined;
  if (!target) {
    const sum = tf.add(a, b);
    tf.dispose([a, b]);
    return sum;
  }
  const addend = target === a ? b : a;
  accumulate!.call(tf.backend(), target.dataId, addend.dataId);
  addend.dispose();
  return target;
}

/** Assigns and disposes `value`. */
export function replace(variable: tf.Variable, value: tf.Tensor): void {
  variable.assign(value);
  value.dispose();
}

export const ids = (tensors: tf.Tensor[]): tf.DataId[] => tensors.map((tensor) => tensor.dataId);

import * as tf from '../tf';

export interface AdamWScalars {
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  /** 1 at the first step. */
  step: number;
}

/** What a backend may offer to update tensors in their own memory, all in one call. */
export interface InPlaceUpdates {
  adamwStep(
    parameters: tf.DataId[],
    gradients: tf.DataId[],
    m: tf.DataId[],
    v: tf.DataId[],
    vmax: tf.DataId[] | null,
    scalars: AdamWScalars,
  ): void;
  emaStep(teacher: tf.DataId[], student: tf.DataId[], momentum: number): void;
  sumOfSquares(ids: tf.DataId[]): number;
  accumulate(target: tf.DataId, addend: tf.DataId): void;
}

/** The current backend's in-place updates: any of them may be missing. */
export function inPlaceUpdates(): Partial<InPlaceUpdates> {
  return tf.backend() as unknown as Partial<InPlaceUpdates>;
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
  return (tf.backend() as unknown as { refCount(id: tf.DataId): number }).refCount(tensor.dataId);
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

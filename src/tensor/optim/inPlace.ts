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
  const backend = tf.backend() as unknown as { refCount(id: tf.DataId): number };
  if (backend.refCount(variable.dataId) > 1) replace(variable, tf.add(variable, 0));
}

/** Assigns and disposes `value`. */
export function replace(variable: tf.Variable, value: tf.Tensor): void {
  variable.assign(value);
  value.dispose();
}

export const ids = (tensors: tf.Tensor[]): tf.DataId[] => tensors.map((tensor) => tensor.dataId);

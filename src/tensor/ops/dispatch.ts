import * as tf from '../tf';

type Inputs = Record<string, tf.Tensor>;
type Save = (tensors: tf.Tensor[]) => void;
interface CustomNode {
  forwardFunc: (backend: unknown, save: Save) => tf.Tensor;
  backwardsFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
  inputs: Inputs;
}
interface EngineWithCustomNodes {
  runKernelFunc(node: CustomNode): tf.Tensor;
}

/** Leaves out the inputs that are not given, as kernels expect. */
export function present(inputs: Record<string, tf.Tensor | undefined>): Inputs {
  return Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined)) as Inputs;
}

/** True where the current backend has a kernel of this name. */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) != null;
}

/** Runs a kernel of the current backend; `attrs` is one of the interfaces of `kernels.ts`. */
export function runKernel<T extends tf.Tensor | tf.Tensor[]>(name: string, inputs: Inputs, attrs: object = {}): T {
  return tf.engine().runKernel(name, inputs as tf.NamedTensorMap, attrs as tf.NamedAttrMap) as T;
}

/**
 * An operation with its own gradient, recorded as one node of the tape. Unlike tf.customGrad, gradients are named
 * functions, so that one nobody asks for (of the first layer's input, say) is never computed, and unlike
 * tf.registerGradient, what is saved may depend on which optional inputs are there.
 *
 * @param forward computes the output; everything else made in it is disposed. It gives `save` what the gradient needs.
 * @param gradients from the output's gradient and the saved tensors, a function for each name in `inputs`. Results that
 *   come from one kernel are computed before it returns: the functions' own scopes are separate.
 */
export function differentiable<T extends tf.Tensor>(
  inputs: Inputs,
  forward: (save: Save) => T,
  gradients: (dy: T, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>,
): T {
  const engine = tf.engine() as unknown as EngineWithCustomNodes;
  return engine.runKernelFunc({
    forwardFunc: (_, save) => forward(save),
    backwardsFunc: (dy, saved) => gradients(dy as T, saved),
    inputs,
  }) as T;
}

import * as tf from '../tf';
import type { KernelName, KernelTypes, NoAttrs } from './kernels';

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
export function hasKernel(name: KernelName): boolean {
  return tf.getKernel(name, tf.getBackend()) != null;
}

type Types<N extends KernelName> = KernelTypes<tf.Tensor>[N];
type AttrsOf<N extends KernelName> = NoAttrs extends Types<N>['attrs'] ? [] : [attrs: Types<N>['attrs']];

/** Runs a kernel of the current backend. Inputs that are undefined are left out, as kernels expect. */
export function runKernel<N extends KernelName>(
  name: N,
  inputs: Types<N>['inputs'],
  ...[attrs = {}]: AttrsOf<N>
): Types<N>['outputs'] {
  const given = present(inputs as Record<string, tf.Tensor | undefined>);
  return tf.engine().runKernel(name, given, attrs as tf.NamedAttrMap) as Types<N>['outputs'];
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

/**
 * Reverse-mode differentiation on tfjs's tape. tfjs keeps every saved activation and every output gradient until the whole
 * backward pass is over; here each is disposed as soon as the node that needs it is done, which halves the peak.
 */
import { addOwned } from './optim/inPlace';
import * as tf from './tf';

interface TapeNode {
  kernelName: string;
  inputs: Record<string, tf.Tensor>;
  outputs: tf.Tensor[];
  saved?: tf.Tensor[];
  gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
}
interface EngineWithTape {
  state: { activeTape: TapeNode[] | null; gradientDepth: number };
  startTape(): void;
  endTape(): void;
}

/** One for each variable asked for; null where the value does not depend on it (as `grad is None` in torch). */
export type Gradients = (tf.Tensor | null)[];

/** tf.tidy, whose type leaves out the null that its walk over the result allows. */
function scope<T extends object>(f: () => T): T {
  return tf.tidy(f as () => tf.TensorContainer) as unknown as T;
}

function release(node: TapeNode): void {
  for (const tensor of node.saved ?? []) tensor.dispose();
  node.saved = [];
}

/**
 * An empty tape that takes only what depends on `xs`, and of that the inputs that do. All else frees what it has saved at once: the
 * activations of layers that are not trained need no memory.
 */
function tapeFrom(xs: tf.Tensor[]): TapeNode[] {
  const fromX = new Set(xs.map((x) => x.id));
  const tape: TapeNode[] = [];
  const append = tape.push.bind(tape);
  tape.push = (node) => {
    const inputs = Object.entries(node.inputs).filter(([, tensor]) => fromX.has(tensor.id));
    if (inputs.length === 0) {
      release(node);
      return tape.length;
    }
    node.inputs = Object.fromEntries(inputs);
    node.outputs.forEach((output) => fromX.add(output.id));
    return append(node);
  };
  return tape;
}

/** Runs f with the tape on, for gradients with respect to xs. The caller releases every node. */
function record<T extends tf.TensorContainer>(f: () => T, xs: tf.Tensor[]): { result: T; tape: TapeNode[] } {
  const engine = tf.engine() as unknown as EngineWithTape;
  if (engine.state.gradientDepth > 0) throw new Error('gradients of gradients are not supported');
  engine.startTape();
  const tape = tapeFrom(xs);
  engine.state.activeTape = tape;
  try {
    return { result: tf.tidy(f), tape };
  } catch (error) {
    tape.forEach(release);
    throw error;
  } finally {
    engine.endTape();
    engine.state.activeTape = null;
  }
}

/** Drops the nodes that ys do not depend on. */
function prune(tape: TapeNode[], ys: tf.Tensor[]): TapeNode[] {
  const toY = new Set(ys.map((y) => y.id));
  const between = new Set<TapeNode>();
  for (const node of [...tape].reverse()) {
    if (!node.outputs.some((output) => toY.has(output.id))) continue;
    Object.values(node.inputs).forEach((input) => toY.add(input.id));
    between.add(node);
  }
  tape.filter((node) => !between.has(node)).forEach(release);
  return tape.filter((node) => between.has(node));
}

/** The gradients of a node's inputs, each a tensor of its own. */
function inputGradients(node: TapeNode, dys: (tf.Tensor | null)[]): tf.Tensor[] {
  if (!node.gradient) throw new Error(`no gradient is registered for ${node.kernelName}`);
  const functions = node.gradient(dys);
  const taken = new Set<tf.Tensor>(dys.filter((dy) => dy !== null));
  return Object.entries(node.inputs).map(([name, input]) => {
    const gradient = functions[name];
    if (!gradient) throw new Error(`${node.kernelName} has no gradient for its input ${name}`);
    let dx = gradient();
    if (!tf.util.arraysEqual(dx.shape, input.shape)) {
      throw new Error(`gradient of ${node.kernelName}, input ${name}: shape [${dx.shape}], expected [${input.shape}]`);
    }
    if (taken.has(dx)) dx = tf.clone(dx);
    taken.add(dx);
    return dx;
  });
}

class GradientMap {
  private readonly byTensor = new Map<number, tf.Tensor>();

  /** Adds and takes over `dx`. */
  add(x: tf.Tensor, dx: tf.Tensor): void {
    const before = this.byTensor.get(x.id);
    this.byTensor.set(x.id, before ? addOwned(before, dx) : dx);
  }

  take(x: tf.Tensor): tf.Tensor | null {
    const gradient = this.byTensor.get(x.id) ?? null;
    this.byTensor.delete(x.id);
    return gradient;
  }
}

function backward(tape: TapeNode[], ys: tf.Tensor[], dys: tf.Tensor[], xs: tf.Tensor[]): Gradients {
  const nodes = prune(tape, ys);
  const gradients = new GradientMap();
  ys.forEach((y, i) => gradients.add(y, tf.clone(dys[i]!)));
  try {
    for (let node = nodes.pop(); node; node = nodes.pop()) {
      const current = node;
      const outputs = current.outputs.map((output) => gradients.take(output));
      const dxs = outputs.some((dy) => dy !== null) ? tf.tidy(() => inputGradients(current, outputs)) : [];
      outputs.forEach((dy) => dy?.dispose());
      release(current);
      Object.values(current.inputs).forEach((input, i) => dxs[i] && gradients.add(input, dxs[i]));
    }
  } finally {
    nodes.forEach(release);
    tape.forEach(release);
  }
  return xs.map((x) => gradients.take(x));
}

/**
 * Vector–Jacobian product: runs f and pushes the given gradients of its outputs back to `xs`.
 *
 * @param f its outputs; tensors made inside it are disposed but for these.
 * @param dys one for each output, of its shape. They stay the caller's.
 * @param xs variables, or tensors that exist before the call.
 * @returns outputs and gradients, both the caller's to dispose (or its tidy's).
 */
export function vjp(
  f: () => tf.Tensor[],
  dys: tf.Tensor[],
  xs: tf.Tensor[],
): { outputs: tf.Tensor[]; gradients: Gradients } {
  return scope(() => {
    const { result: outputs, tape } = record(f, xs);
    const mismatch = outputs.findIndex((y, i) => !tf.util.arraysEqual(y.shape, dys[i]?.shape ?? [NaN]));
    if (mismatch >= 0 || outputs.length !== dys.length) {
      tape.forEach(release);
      throw new Error(`vjp: the gradients given do not match the outputs of f (output ${mismatch})`);
    }
    return { outputs, gradients: backward(tape, outputs, dys, xs) };
  });
}

/** A forward pass whose tape is kept until its gradient is known. */
export interface Recording {
  /** What f returned; the caller's. */
  readonly outputs: tf.Tensor[];
  /** Pushes the gradients of the outputs back, once; the result is the caller's. */
  pullback(dys: tf.Tensor[]): Gradients;
  /** Frees the tape when there will be no {@link pullback}. */
  dispose(): void;
}

/**
 * The two halves of {@link vjp}, for a gradient that depends on the outputs themselves.
 *
 * @param f its outputs; tensors made inside it are disposed but for these.
 * @param xs variables, or tensors that exist before the call.
 */
export function linearize(f: () => tf.Tensor[], xs: tf.Tensor[]): Recording {
  const { result: outputs, tape } = record(f, xs);
  return {
    outputs,
    pullback: (dys) => tf.tidy(() => backward(tape, outputs, dys, xs) as tf.Tensor[]) as Gradients,
    dispose: () => tape.forEach(release),
  };
}

/**
 * Runs f and gives the gradient of its scalar `loss` with respect to `xs`.
 *
 * @param f returns `loss` and whatever else is wanted of the forward pass, in any container of tensors.
 * @param scale the gradients are those of `scale` times the loss.
 * @returns f's result and the gradients, the caller's to dispose (or its tidy's).
 */
export function valueAndGradients<T extends { loss: tf.Tensor } & tf.TensorContainerObject>(
  f: () => T,
  xs: tf.Tensor[],
  scale = 1,
): { value: T; gradients: Gradients } {
  return scope(() => {
    const { result: value, tape } = record(f, xs);
    if (value.loss.size !== 1) {
      tape.forEach(release);
      throw new Error(`the loss is not a scalar: shape [${value.loss.shape}]`);
    }
    return { value, gradients: backward(tape, [value.loss], [tf.fill(value.loss.shape, scale)], xs) };
  });
}

/**
 * Adds the gradients of one more micro-batch. Both arguments are taken over; null counts as zero.
 *
 * @param total what the micro-batches before gave, or undefined at the first.
 */
export function accumulate(total: Gradients | undefined, gradients: Gradients): Gradients {
  if (!total) return gradients;
  return total.map((sum, i) => {
    const more = gradients[i]!;
    return sum && more ? addOwned(sum, more) : (sum ?? more);
  });
}

export function disposeGradients(gradients: Gradients): void {
  gradients.forEach((gradient) => gradient?.dispose());
}

import type { InPieces } from '../rpc/breath';

/** A smooth function: gives its value and writes its gradient. */
export type Smooth = (at: Float64Array, gradient: Float64Array) => number;

export interface MinimizeOptions {
  /** Largest component of the gradient at which the minimum is taken as reached. */
  readonly tolerance?: number;
  readonly maxIterations?: number;
}

export interface Minimum {
  readonly at: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /** The gradient is as small as was asked for. */
  readonly converged: boolean;
}

const MEMORY = 10;
/** Armijo's condition: a step must lower the function by so much of what the slope promises. */
const SUFFICIENT = 1e-4;
const SMALLEST_STEP = 1e-12;

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/** `to += factor · from` */
function add(to: Float64Array, factor: number, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * from[i]!;
}

const largest = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

interface Pair {
  readonly moved: Float64Array;
  readonly turned: Float64Array;
  readonly product: number;
}

/** The direction of the two-loop recursion: minus the gradient, times an estimate of the inverse Hessian. */
function direction(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const result = gradient.map((value) => -value);
  const shares = new Array<number>(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { moved, turned, product } = pairs[i]!;
    shares[i] = dot(moved, result) / product;
    add(result, -shares[i]!, turned);
  }
  const last = pairs.at(-1);
  if (last) {
    const scale = last.product / dot(last.turned, last.turned);
    for (let i = 0; i < result.length; i++) result[i]! *= scale;
  }
  pairs.forEach(({ moved, turned, product }, i) => add(result, shares[i]! - dot(turned, result) / product, moved));
  return result;
}

/**
 * The minimum of a smooth convex function by L-BFGS (Nocedal & Wright 2006, algorithm 7.5), with a backtracking line search.
 *
 * @param start is left as it is
 */
export function* minimize(
  f: Smooth,
  start: Float64Array,
  { tolerance = 1e-5, maxIterations = 300 }: MinimizeOptions = {},
): InPieces<Minimum> {
  let at = start.slice();
  let gradient = new Float64Array(at.length);
  let value = f(at, gradient);
  const pairs: Pair[] = [];
  for (let iterations = 0; ; iterations++) {
    const converged = largest(gradient) <= tolerance;
    if (converged || iterations === maxIterations) return { at, value, iterations, converged };
    const along = direction(gradient, pairs);
    const slope = dot(gradient, along);
    let step = pairs.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(-slope));
    let next = at;
    const nextGradient = new Float64Array(at.length);
    let nextValue = value;
    for (; step > SMALLEST_STEP; step /= 2) {
      next = at.slice();
      add(next, step, along);
      nextValue = f(next, nextGradient);
      yield;
      if (nextValue <= value + SUFFICIENT * step * slope) break;
    }
    // The rounding of the function is all that is left.
    if (step <= SMALLEST_STEP) return { at, value, iterations, converged };
    const moved = next.map((one, i) => one - at[i]!);
    const turned = nextGradient.map((one, i) => one - gradient[i]!);
    const product = dot(moved, turned);
    if (product > 1e-12 * Math.sqrt(dot(moved, moved) * dot(turned, turned))) pairs.push({ moved, turned, product });
    if (pairs.length > MEMORY) pairs.shift();
    [at, gradient, value] = [next, nextGradient, nextValue];
  }
}

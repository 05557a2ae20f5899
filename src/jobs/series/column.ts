/** The values of one metric of one run, in order of steps, NaN for every non-finite one. Grows at its end; a resumed run may cut it back. */
export class Column {
  private stepStore = new Uint32Array(256);
  private valueStore = new Float32Array(256);
  private count = 0;
  private average: MovingAverage | undefined;
  private changes = 0;

  get length(): number {
    return this.count;
  }

  /** Grows with every change. */
  get version(): number {
    return this.changes;
  }

  /** Step of the last value, or -1. */
  get lastStep(): number {
    return this.count > 0 ? this.stepStore[this.count - 1]! : -1;
  }

  get steps(): Uint32Array {
    return this.stepStore.subarray(0, this.count);
  }

  get values(): Float32Array {
    return this.valueStore.subarray(0, this.count);
  }

  push(step: number, value: number): void {
    if (this.count === this.stepStore.length) this.grow();
    this.stepStore[this.count] = step;
    this.valueStore[this.count] = value;
    this.count += 1;
    this.changes += 1;
  }

  /** Drops everything from `step` on. */
  cutFrom(step: number): void {
    this.count = firstAtLeast(this.steps, step);
    this.changes += 1;
    if (this.average && this.average.done > this.count) this.average = undefined;
  }

  /**
   * Exponential moving average of all values, `weight` being the weight of the past, without the bias towards zero at the
   * start (as TensorBoard does). Kept for the last weight asked for and carried on as the column grows.
   */
  smoothed(weight: number): Float32Array {
    if (this.average?.weight !== weight) this.average = new MovingAverage(weight);
    return this.average.extend(this.values);
  }

  private grow(): void {
    const steps = new Uint32Array(this.stepStore.length * 2);
    const values = new Float32Array(this.valueStore.length * 2);
    steps.set(this.stepStore);
    values.set(this.valueStore);
    this.stepStore = steps;
    this.valueStore = values;
  }
}

class MovingAverage {
  done = 0;
  private store = new Float32Array(256);
  private sum = 0;
  private past = 1;

  constructor(readonly weight: number) {}

  extend(values: Float32Array): Float32Array {
    if (this.store.length < values.length) {
      const larger = new Float32Array(Math.max(values.length, this.store.length * 2));
      larger.set(this.store.subarray(0, this.done));
      this.store = larger;
    }
    for (; this.done < values.length; this.done++) {
      const value = values[this.done]!;
      if (Number.isNaN(value)) {
        this.store[this.done] = Number.NaN;
        continue;
      }
      this.sum = this.weight * this.sum + (1 - this.weight) * value;
      this.past *= this.weight;
      this.store[this.done] = this.sum / (1 - this.past);
    }
    return this.store.subarray(0, this.done);
  }
}

/** Index of the first element of a sorted array that is at least `value`; its length when there is none. */
export function firstAtLeast(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Indices that draw the same picture as all of `values[from..to)` with about `points` of them: the range is cut into
 * intervals of equal length, and of each the smallest and the largest value are kept, and the first one that is not a
 * number, in their order. The first and the last index are always among them.
 */
export function thinnedIndices(values: Float32Array, from: number, to: number, points: number): Uint32Array {
  const length = to - from;
  if (length <= Math.max(4, points)) return Uint32Array.from({ length: Math.max(0, length) }, (_, i) => from + i);
  const intervals = Math.max(1, Math.floor((points - 2) / 2));
  const kept = new Uint32Array(3 * intervals + 2);
  let count = 0;
  const keep = (index: number): void => {
    if (count === 0 || kept[count - 1]! < index) kept[count++] = index;
  };
  keep(from);
  for (let interval = 0; interval < intervals; interval++) {
    const start = from + Math.floor((interval * length) / intervals);
    const end = from + Math.floor(((interval + 1) * length) / intervals);
    for (const index of landmarks(values, start, end)) keep(index);
  }
  keep(to - 1);
  return kept.slice(0, count);
}

/** The smallest, the largest and the first broken value of `values[start..end)`, as indices in order. */
function landmarks(values: Float32Array, start: number, end: number): number[] {
  let lowest = -1;
  let highest = -1;
  let broken = -1;
  for (let i = start; i < end; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) {
      if (broken < 0) broken = i;
      continue;
    }
    if (lowest < 0 || value < values[lowest]!) lowest = i;
    if (highest < 0 || value > values[highest]!) highest = i;
  }
  return [lowest, highest, broken].filter((index) => index >= 0).sort((a, b) => a - b);
}

import type { RunMarks, Series, SeriesRequest } from '../../protocol/curves';
import { isValidationMetric } from '../../protocol/metrics';
import { Column, firstAtLeast, thinnedIndices } from './column';

const MAX_MARKS = 100;

/** All metrics of one run in memory, built by appending its steps in order. */
export class RunSeries {
  private readonly columns = new Map<string, Column>();
  private readonly broken = new Set<number>();
  private readonly resumes: number[] = [];
  /** The last answer for each metric: of ten runs mostly one grows. */
  private readonly answers = new Map<string, { question: string; version: number; series: Series }>();
  private last = -1;

  /** Names of the metrics seen so far, in order of appearance. */
  get metrics(): string[] {
    return [...this.columns.keys()];
  }

  get lastStep(): number {
    return Math.max(0, this.last);
  }

  /** Lowest and highest step, or undefined while there is none. */
  get extent(): [number, number] | undefined {
    let first = Infinity;
    for (const { steps } of this.columns.values()) first = Math.min(first, steps[0] ?? Infinity);
    return first === Infinity ? undefined : [first, this.lastStep];
  }

  /**
   * Adds the values of a step, NaN for every non-finite one. A step that was seen before means that the run was resumed from
   * there: what followed is replaced.
   */
  append(step: number, names: readonly string[], values: readonly number[]): void {
    if (!Number.isInteger(step) || step < 0) return;
    if (step < this.last) this.cutFrom(step);
    this.last = Math.max(this.last, step);
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      if (name === 'time') continue;
      const value = values[i]!;
      let column = this.columns.get(name);
      if (!column) this.columns.set(name, (column = new Column()));
      if (column.lastStep === step) column.cutFrom(step);
      column.push(step, value);
      if (Number.isNaN(value) && this.broken.size < MAX_MARKS) this.broken.add(step);
    }
  }

  /** Marks a step as the first one after a resume. */
  markResumed(step: number): void {
    if (!this.resumes.includes(step)) this.resumes.push(step);
  }

  marks(run: string): RunMarks {
    return { run, resumed: [...this.resumes], nonFinite: [...this.broken] };
  }

  /** The thinned series of one metric for a request, with one point beyond each end of its range, so that lines go on. */
  select(run: string, metric: string, request: SeriesRequest): Series | undefined {
    const column = this.columns.get(metric);
    if (!column) return undefined;
    const { range, points, smoothing } = request;
    const question = JSON.stringify([range, points, smoothing]);
    const before = this.answers.get(metric);
    if (before?.question === question && before.version === column.version) return before.series;
    const series = this.thinned(run, metric, column, request);
    this.answers.set(metric, { question, version: column.version, series });
    return series;
  }

  private thinned(run: string, metric: string, column: Column, request: SeriesRequest): Series {
    const [low, high] = request.range ?? [0, Infinity];
    const from = Math.max(0, firstAtLeast(column.steps, low) - 1);
    const to = Math.min(column.length, high === Infinity ? column.length : firstAtLeast(column.steps, high + 1) + 1);
    const kept = thinnedIndices(column.values, from, to, request.points);
    const averages =
      request.smoothing > 0 && !isValidationMetric(metric) ? column.smoothed(request.smoothing) : undefined;
    const { steps, values } = column;
    return {
      run,
      metric,
      steps: Float64Array.from(kept, (index) => steps[index]!),
      values: Float32Array.from(kept, (index) => values[index]!),
      ...(averages && { smoothed: Float32Array.from(kept, (index) => averages[index]!) }),
    };
  }

  private cutFrom(step: number): void {
    for (const column of this.columns.values()) column.cutFrom(step);
    for (const broken of [...this.broken]) if (broken >= step) this.broken.delete(broken);
    this.markResumed(step);
  }
}

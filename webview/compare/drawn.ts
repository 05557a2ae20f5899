/** Remembers what a part was drawn from: it is drawn anew only when that has changed, so that focus and folds stay. */
export class Drawn {
  private values: readonly unknown[] | undefined;

  /** Whether any of these is another than the last time. */
  differs(...values: readonly unknown[]): boolean {
    const before = this.values;
    this.values = values;
    return before === undefined || values.some((value, at) => value !== before[at]);
  }
}

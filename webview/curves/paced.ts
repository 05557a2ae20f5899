/** Of a frame of 16 ms, what drawing may take; the rest is the browser's. */
const BUDGET_MS = 8;

/** Does pieces of work one after the other, some in each frame, so that the page answers while much is drawn. */
export class Paced {
  private jobs: (() => void)[] = [];
  private done: () => void = () => undefined;
  private waiting = false;

  /** Begins with these pieces in the next frame; those of an earlier call that are not done yet are dropped. */
  start(jobs: readonly (() => void)[], done: () => void): void {
    this.jobs = [...jobs];
    this.done = done;
    if (!this.waiting) this.next();
  }

  /** Does all that is left now. */
  finish(): void {
    while (this.jobs.length > 0) this.jobs.shift()!();
  }

  private next(): void {
    this.waiting = true;
    requestAnimationFrame(() => void this.frame());
  }

  private async frame(): Promise<void> {
    // Also when a piece fails, the next call begins anew.
    this.waiting = false;
    const end = performance.now() + BUDGET_MS;
    while (this.jobs.length > 0 && performance.now() < end) {
      this.jobs.shift()!();
      // The plot draws in a microtask, which is to count.
      await Promise.resolve();
    }
    if (this.jobs.length > 0 && !this.waiting) this.next();
    else if (this.jobs.length === 0) this.done();
  }
}

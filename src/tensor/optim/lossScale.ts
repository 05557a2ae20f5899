/** As torch.cuda.amp.GradScaler. */
const INITIAL = 2 ** 16;
const GROWTH_INTERVAL = 2000;
const LARGEST = 2 ** 24;

/**
 * The factor by which the gradient of the loss is enlarged, so that small gradients do not vanish in float16. It is a power
 * of two: undoing it changes no gradient that was neither too small nor too large.
 */
export class LossScale {
  private finiteSteps = 0;

  constructor(private factor = INITIAL) {}

  get value(): number {
    return this.factor;
  }

  /** Whether a gradient that is not finite may be the scale's doing. */
  get mayBeTooLarge(): boolean {
    return this.factor > 1;
  }

  /** Halves the scale after gradients that were not finite, doubles it after many steps that were. */
  update(finite: boolean): void {
    this.finiteSteps = finite ? this.finiteSteps + 1 : 0;
    if (!finite) this.factor = Math.max(1, this.factor / 2);
    if (this.finiteSteps < GROWTH_INTERVAL) return;
    this.factor = Math.min(LARGEST, this.factor * 2);
    this.finiteSteps = 0;
  }

  /** What {@link restore} takes. */
  state(): [number, number] {
    return [this.factor, this.finiteSteps];
  }

  restore([factor, finiteSteps]: [number, number]): void {
    this.factor = factor;
    this.finiteSteps = finiteSteps;
  }
}

import { reducedMotion } from '../ui/theme';

const TURN_MS = 700;

/** Shows overlays in turns: by a timer, or one at a time by hand. With reduced motion there is no timer. */
export class Blinker {
  /** Whose turn it is; undefined while all overlays are shown. */
  turn: number | undefined;
  private timer?: ReturnType<typeof setInterval>;

  constructor(private readonly changed: () => void) {}

  get on(): boolean {
    return this.turn !== undefined;
  }

  toggle(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.turn = this.on ? undefined : 0;
    if (this.on && !reducedMotion()) this.timer = setInterval(() => this.advance(), TURN_MS);
  }

  /** The next overlay by hand, which stops the timer. */
  step(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.turn = this.turn === undefined ? 0 : this.turn + 1;
  }

  private advance(): void {
    this.turn = (this.turn ?? -1) + 1;
    this.changed();
  }
}

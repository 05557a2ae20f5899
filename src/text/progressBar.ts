import process from 'node:process';
import { formatDuration } from './times';

/** Goes back to the start of the terminal's line and empties it. */
export const CLEAR_LINE = '\r\x1b[2K';

const BAR_WIDTH = 24;
const PLAIN_INTERVAL_MS = 10_000;
const REDRAW_INTERVAL_MS = 100;

/**
 * A progress bar with a time estimate on standard error. On a terminal it redraws one line; elsewhere it prints a line
 * every ten seconds, so that logs stay readable.
 */
export class ProgressBar {
  private readonly started = performance.now();
  private readonly from: number;
  private lastDrawn = -Infinity;
  private open = false;

  constructor(
    private readonly label: string,
    private readonly total: number,
    first = 0,
    private readonly stream: NodeJS.WriteStream = process.stderr,
  ) {
    this.from = first;
  }

  /** Seconds to go at the mean speed so far. */
  remaining(done: number): number {
    const elapsed = (performance.now() - this.started) / 1000;
    return done > this.from ? (elapsed / (done - this.from)) * (this.total - done) : Infinity;
  }

  update(done: number, detail = ''): void {
    const now = performance.now();
    const interval = this.stream.isTTY ? REDRAW_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (done < this.total && now - this.lastDrawn < interval) return;
    this.lastDrawn = now;
    const share = this.total > 0 ? Math.min(1, done / this.total) : 1;
    const filled = Math.round(share * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const left = done < this.total ? ` · ${formatDuration(this.remaining(done))} left` : '';
    const text = `${this.label} ${bar} ${done}/${this.total}${left}${detail ? ` · ${detail}` : ''}`;
    if (this.stream.isTTY) {
      this.stream.write(`${CLEAR_LINE}${text.slice(0, (this.stream.columns || 120) - 1)}`);
      this.open = true;
    } else {
      this.stream.write(`${text}\n`);
    }
  }

  /** What is done meanwhile: as {@link update}, without the line that is always printed at the end. */
  meanwhile(done: number, detail: string): void {
    const interval = this.stream.isTTY ? REDRAW_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (performance.now() - this.lastDrawn >= interval) this.update(done, detail);
  }

  /** Prints a line without breaking the bar. */
  message(text: string): void {
    if (this.open) this.stream.write(CLEAR_LINE);
    this.open = false;
    this.stream.write(`${text}\n`);
  }

  end(): void {
    if (this.open) this.stream.write('\n');
    this.open = false;
  }
}

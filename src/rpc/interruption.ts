import process from 'node:process';
import { ExitCode, UserError } from '../errors/userError';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Long work was told to end. */
export class Interrupted extends UserError {
  constructor(message: string) {
    super(message, ExitCode.interrupted);
  }
}

/**
 * Turns the first SIGINT, SIGTERM or SIGHUP into a request that long work reads between its pieces, so that it can write what
 * it has first. A second signal ends the process at once.
 */
export class Interruption {
  private readonly controller = new AbortController();
  private readonly listener = (signal: NodeJS.Signals): void => {
    if (this.signal.aborted) process.exit(ExitCode.interrupted);
    this.controller.abort(new Interrupted(`interrupted by ${signal}`));
    this.onRequest(signal);
  };

  constructor(private readonly onRequest: (signal: NodeJS.Signals) => void = () => undefined) {
    for (const signal of SIGNALS) process.on(signal, this.listener);
  }

  /** Aborted by the first signal, with an {@link Interrupted}. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.listener);
  }
}

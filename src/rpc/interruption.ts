import process from 'node:process';
import { ExitCode } from '../errors/userError';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Turns the first SIGINT, SIGTERM or SIGHUP into a request that the loop reads between steps, so that it can write a
 * checkpoint first. A second signal ends the process at once.
 */
export class Interruption {
  private signal: NodeJS.Signals | undefined;
  private readonly listener = (signal: NodeJS.Signals): void => {
    if (this.signal) process.exit(ExitCode.interrupted);
    this.signal = signal;
    this.onRequest(signal);
  };

  constructor(private readonly onRequest: (signal: NodeJS.Signals) => void) {
    for (const signal of SIGNALS) process.on(signal, this.listener);
  }

  get requested(): NodeJS.Signals | undefined {
    return this.signal;
  }

  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.listener);
  }
}

import type { Diagnostic } from './index';
import { OnDemand, type CallsOf } from '../rpc';
import { startThread } from '../rpc/threads';

type LintCalls = CallsOf<{
  lint(text: string, file: string, others: readonly string[]): Diagnostic[];
  diagnose(text: string, file: string, syntax: boolean): Diagnostic[];
}>;

/** Reading headers from a slow disk must not hold up the start of a run, which looks at them again. */
const PATIENCE_MS = 15_000;

/** The thread that checks configs against the files they name. The first call starts it; after it has ended, the next call starts it again. */
export class LintThread {
  private readonly thread: OnDemand<LintCalls>;

  constructor(script: string) {
    const tooLarge = 'The data is too large to check while typing: use Check Data.';
    this.thread = new OnDemand(() => startThread({ script, name: 'VoCo config check', tooLarge }));
  }

  /** @returns nothing where the answer takes too long */
  async lint(text: string, file: string, others: readonly string[]): Promise<Diagnostic[]> {
    const answer = this.thread.call('lint', [text, file, others]);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Diagnostic[]>((done) => (timer = setTimeout(() => done([]), PATIENCE_MS)));
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  /**
   * Problems of the text alone.
   *
   * @param syntax whether to name those that the JSON editor reports by itself
   */
  diagnose(text: string, file: string, syntax: boolean): Promise<Diagnostic[]> {
    return this.thread.call('diagnose', [text, file, syntax]);
  }

  dispose(): void {
    this.thread.dispose();
  }
}

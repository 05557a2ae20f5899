import type { Diagnostic } from './index';
import { ThreadClient } from '../rpc/threadClient';

type Linter = { lint(text: string, file: string, others: readonly string[]): Diagnostic[] };

/** Reading headers from a slow disk must not hold up the start of a run, which looks at them again. */
const PATIENCE_MS = 15_000;

/** The thread that holds configs against the files they name; started by the first question, and again should it end. */
export class LintThread {
  private client: ThreadClient<Linter> | undefined;

  constructor(private readonly script: string) {}

  /** @returns nothing where the answer takes too long */
  async lint(text: string, file: string, others: readonly string[]): Promise<Diagnostic[]> {
    this.client ??= new ThreadClient<Linter>({
      script: this.script,
      name: 'VoCo config check',
      tooLarge: 'The data is too large to be looked at while typing: use Check Data.',
    });
    const { client } = this;
    const answer = client.call('lint', text, file, others).catch((error: unknown) => {
      if (this.client === client) this.dispose();
      throw error;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Diagnostic[]>((done) => (timer = setTimeout(() => done([]), PATIENCE_MS)));
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  dispose(): void {
    this.client?.dispose();
    this.client = undefined;
  }
}

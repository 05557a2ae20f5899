import type { CompareCalls } from '../../src/protocol/comparison';
import type { CompareContract, CompareState } from '../../src/protocol/compare';
import { button } from '../ui/controls';
import { element } from '../ui/dom';
import { errorText, type Host } from '../ui/host';

export type CompareHost = Host<CompareContract, CompareState>;

/** A large network on a CPU takes minutes to hours, and can be cancelled. */
const TIMEOUT_MS = 24 * 3600_000;
/** What answers at once has no bar. */
const QUIET_MS = 250;

let lastTask = 0;

/** A question to the trainer, with its progress, its Cancel, and what went wrong. */
export class Task<N extends keyof CompareCalls> {
  readonly node = element('div', { class: 'task', hidden: true, role: 'status' });
  private readonly bar = element('progress', {});
  private readonly text = element('span', {});
  private readonly stop: HTMLElement;
  private readonly retry: HTMLElement | undefined;
  private readonly id: string;
  private title = '';
  private turn = 0;

  /** @param again asks once more, offered after a failure */
  constructor(
    private readonly host: CompareHost,
    private readonly method: N,
    again?: () => void,
  ) {
    this.id = `${method}-${(lastTask += 1)}`;
    this.stop = button('Cancel', () => this.cancel(), { title: 'Stop computing' });
    this.retry = again && button('Try again', again);
    this.node.append(this.bar, this.text, this.stop, ...(this.retry ? [this.retry] : []));
    host.on('progress', ({ task, done, total }) => {
      if (task !== this.id) return;
      this.bar.max = total;
      this.bar.value = done;
      this.text.textContent = `${this.title}, ${Math.floor((100 * done) / Math.max(1, total))} %`;
    });
  }

  /** Undefined when it was cancelled, overtaken by another question, or failed; why it failed is shown. */
  async run(request: CompareCalls[N]['params'], title: string): Promise<CompareCalls[N]['result'] | undefined> {
    const turn = (this.turn += 1);
    this.title = title;
    this.bar.removeAttribute('value');
    this.text.textContent = `${title}…`;
    this.node.classList.remove('error');
    this.show(true);
    const slow = setTimeout(() => (this.node.hidden = false), QUIET_MS);
    try {
      const params = { task: this.id, request } as CompareContract['calls'][N]['params'];
      const answer = await this.host.call(this.method, params, TIMEOUT_MS);
      if (turn !== this.turn) return undefined;
      this.node.hidden = true;
      return (answer as CompareCalls[N]['result'] | null) ?? undefined;
    } catch (error) {
      if (turn === this.turn) this.fail(error);
      return undefined;
    } finally {
      clearTimeout(slow);
    }
  }

  cancel(): void {
    this.turn += 1;
    this.node.hidden = true;
    if (this.retry) this.stopped('Cancelled.');
    void this.host.call('cancel', { task: this.id });
  }

  private show(busy: boolean): void {
    for (const part of [this.bar, this.stop]) part.hidden = !busy;
    if (this.retry) this.retry.hidden = busy;
  }

  private fail(error: unknown): void {
    this.node.classList.add('error');
    this.stopped(errorText(error));
  }

  private stopped(text: string): void {
    this.node.hidden = false;
    this.show(false);
    this.text.textContent = text;
  }
}

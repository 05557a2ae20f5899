import type { RunsTableContract, RunsTableState } from '../../src/protocol/runs';
import type { Host } from '../ui/host';
import type { TableModel } from './model';

/** Thousands of runs on a slow disk. */
const READING_TIMEOUT_MS = 300_000;

/**
 * Keeps the model as the host has it. News is taken one after the other and behind the first reading, which takes seconds:
 * what comes meanwhile would be lost, and an older answer could bring back a run that is gone.
 */
export class RunsFeed {
  private last: Promise<void> = Promise.resolve();
  private complete = false;

  constructor(
    private readonly model: TableModel,
    private readonly host: Pick<Host<RunsTableContract, RunsTableState>, 'call'>,
  ) {}

  /** Reads all runs. */
  open(): Promise<void> {
    return this.next(async () => {
      this.model.merge(await this.host.call('rows', {}, READING_TIMEOUT_MS));
      this.complete = true;
    });
  }

  /** Some runs are new or changed, others gone. Nothing is taken when reading all has failed. */
  changed(ids: readonly string[], gone: readonly string[]): Promise<void> {
    return this.next(async () => {
      if (!this.complete) return;
      this.model.remove(gone);
      if (ids.length > 0) this.model.merge(await this.host.call('rows', { ids }, READING_TIMEOUT_MS));
    });
  }

  private next(work: () => Promise<void>): Promise<void> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }
}

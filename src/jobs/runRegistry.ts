import { watch, type FSWatcher } from 'node:fs';
import { resolve } from 'node:path';
import { LifeSigns } from '../runs/liveness';
import { listRuns, type RunPhase } from '../runs/runDirectory';
import { summarizeRun, type RunSummary } from './runSummary';
import { exists } from '../files/kinds';

export interface Disposable {
  dispose(): void;
}

/** Something that happened to a run. */
export interface RunChange {
  readonly run: RunSummary;
  /** The phase before, when it changed; absent for a run that was just found. */
  readonly from?: RunPhase;
}

interface Tracked {
  summary: RunSummary;
  watcher?: FSWatcher;
  timer?: NodeJS.Timeout;
  busy?: Promise<void>;
}

const POLL_MS = 2000;
const SETTLE_MS = 200;
/** A search finds thousands of runs one after the other, so listeners are notified of many at a time. */
const GATHER_MS = 50;

/**
 * The runs under some folders, kept up to date. A live run's directory is watched, and looked at every two seconds because
 * a process can die and a network disk can change without a sign. When nothing lives, nothing is watched and no timer runs.
 */
export class RunRegistry {
  private readonly tracked = new Map<string, Tracked>();
  private readonly signs = new LifeSigns();
  private readonly listeners = new Set<() => void>();
  private readonly changeListeners = new Set<(change: RunChange) => void>();
  private readonly writeListeners = new Set<(dir: string) => void>();
  private poll: NodeJS.Timeout | undefined;
  private disposed = false;
  private sorted: RunSummary[] | undefined;
  private telling: NodeJS.Timeout | undefined;

  constructor(private readonly pollMs = POLL_MS) {}

  /** All known runs, the newest first. */
  get runs(): RunSummary[] {
    this.sorted ??= [...this.tracked.values()]
      .map((one) => one.summary)
      .sort((a, b) => compareText(b.state.created, a.state.created) || compareText(a.dir, b.dir));
    return [...this.sorted];
  }

  get(dir: string): RunSummary | undefined {
    return this.tracked.get(resolve(dir))?.summary;
  }

  /** Whether anything is polled or watched now. */
  get active(): boolean {
    return this.poll !== undefined || [...this.tracked.values()].some((one) => one.watcher !== undefined);
  }

  /** The list or something in it changed, a moment ago at most. */
  onDidChange(listener: () => void): Disposable {
    return subscribe(this.listeners, listener);
  }

  /** A run was found, or went from one phase to another. */
  onDidChangePhase(listener: (change: RunChange) => void): Disposable {
    return subscribe(this.changeListeners, listener);
  }

  /** A live run wrote something into its directory. */
  onDidWrite(listener: (dir: string) => void): Disposable {
    return subscribe(this.writeListeners, listener);
  }

  /** Looks for runs directly under a folder. */
  async scan(root: string): Promise<void> {
    const found = await listRuns(root);
    await Promise.all(found.map(({ dir }) => this.refresh(dir)));
  }

  /** Looks at one run directory again; forgets it when it is gone, takes it up when it is new. */
  async refresh(dir: string): Promise<RunSummary | undefined> {
    const key = resolve(dir);
    const before = this.tracked.get(key);
    const summary = await summarizeRun(key, this.signs).catch(() => undefined);
    if (this.disposed) return undefined;
    if (summary) this.store(key, summary);
    // A file that is unreadable for a moment does not make the run disappear.
    else if (before && !(await exists(key))) this.forget(key);
    return this.tracked.get(key)?.summary;
  }

  dispose(): void {
    this.disposed = true;
    clearInterval(this.poll);
    clearTimeout(this.telling);
    for (const key of [...this.tracked.keys()]) this.forget(key, true);
    this.listeners.clear();
    this.changeListeners.clear();
    this.writeListeners.clear();
  }

  private store(key: string, summary: RunSummary): void {
    const before = this.tracked.get(key);
    const entry: Tracked = before ?? { summary };
    const previous = before?.summary;
    // A run that did not change stays the same object, so that lists can tell.
    const same = previous !== undefined && JSON.stringify(previous) === JSON.stringify(summary);
    entry.summary = same ? previous : summary;
    this.tracked.set(key, entry);
    this.sorted = undefined;
    this.watchWhileLive(key, entry);
    if (same) return;
    if (previous?.phase !== summary.phase) {
      const change: RunChange = { run: summary, ...(previous && { from: previous.phase }) };
      for (const listener of this.changeListeners) listener(change);
    }
    this.tell();
  }

  private tell(): void {
    this.telling ??= setTimeout(() => {
      this.telling = undefined;
      for (const listener of this.listeners) listener();
    }, GATHER_MS);
  }

  private forget(key: string, quietly = false): void {
    const entry = this.tracked.get(key);
    if (!entry) return;
    entry.watcher?.close();
    clearTimeout(entry.timer);
    this.tracked.delete(key);
    this.signs.forget(key);
    this.sorted = undefined;
    this.updatePoll();
    if (!quietly) this.tell();
  }

  private watchWhileLive(key: string, entry: Tracked): void {
    if (entry.summary.live && !entry.watcher) {
      try {
        entry.watcher = watch(key, { persistent: false }, () => this.settle(key, entry));
        entry.watcher.on('error', () => undefined);
      } catch {
        // Some network disks cannot be watched: the poll alone has to do.
      }
    } else if (!entry.summary.live && entry.watcher) {
      entry.watcher.close();
      delete entry.watcher;
      for (const listener of this.writeListeners) listener(key);
    }
    this.updatePoll();
  }

  private updatePoll(): void {
    const live = [...this.tracked.values()].some((one) => one.summary.live);
    if (live && !this.poll && !this.disposed) {
      this.poll = setInterval(() => this.pollLive(), this.pollMs);
      this.poll.unref();
    } else if (!live && this.poll) {
      clearInterval(this.poll);
      this.poll = undefined;
    }
  }

  private pollLive(): void {
    for (const [key, entry] of this.tracked) if (entry.summary.live) this.look(key, entry);
  }

  /** Many files change at every step: look once they have settled. */
  private settle(key: string, entry: Tracked): void {
    entry.timer ??= setTimeout(() => {
      delete entry.timer;
      this.look(key, entry);
    }, SETTLE_MS);
  }

  private look(key: string, entry: Tracked): void {
    entry.busy ??= this.refresh(key).then(() => {
      delete entry.busy;
      for (const listener of this.writeListeners) listener(key);
    });
  }
}

/** Order of plain texts: `localeCompare` is many times slower, and times in ISO 8601 need no language. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function subscribe<T>(set: Set<T>, listener: T): Disposable {
  set.add(listener);
  return { dispose: () => set.delete(listener) };
}

import { stat } from 'node:fs/promises';
import { flattenConfig } from '../../config/flatten';
import type { RunNotes, TableCell } from '../../protocol/runs';
import { readLastMetrics, metricsFile } from '../../runs/metrics';
import { readNotes } from '../../runs/notes';
import { readResults } from '../../runs/results';
import { readRunConfig } from '../../runs/runDirectory';
import { runFiles } from '../../runs/files';

/** What the files of a run say of it, besides its state. */
export interface RunFacts {
  readonly dir: string;
  readonly parameters: ReadonlyMap<string, TableCell>;
  /** The last value of each metric; those that are not finite are texts. */
  readonly metrics: ReadonlyMap<string, TableCell>;
  /** Means over cases of an evaluation. */
  readonly results: ReadonlyMap<string, TableCell>;
  readonly notes: RunNotes;
}

/** What a file looks like from outside; a new content has another stamp. */
async function stampOf(file: string): Promise<string> {
  return stat(file).then(
    ({ mtimeMs, size, ino }) => `${mtimeMs}/${size}/${ino}`,
    () => '',
  );
}

/** Reads something from a file and keeps it until the file changes. */
class Kept<T> {
  private stamp: string | undefined;
  private value: T;

  constructor(
    private readonly file: string,
    private readonly empty: T,
    private readonly read: () => Promise<T>,
  ) {
    this.value = empty;
  }

  async get(): Promise<T> {
    const stamp = await stampOf(this.file);
    if (stamp === this.stamp) return this.value;
    // A file that is missing or damaged leaves its columns empty; the run's other files still tell something.
    this.value = stamp === '' ? this.empty : await this.read().catch(() => this.empty);
    this.stamp = stamp;
    return this.value;
  }
}

async function readMeans(dir: string): Promise<Map<string, TableCell>> {
  const { summary } = await readResults(dir);
  return new Map(Object.entries(summary?.overall ?? {}).map(([name, { mean }]) => [name, mean]));
}

class RunEntry {
  private readonly parameters: Kept<ReadonlyMap<string, TableCell>>;
  private readonly metrics: Kept<ReadonlyMap<string, TableCell>>;
  private readonly results: Kept<ReadonlyMap<string, TableCell>>;
  private readonly notes: Kept<RunNotes>;

  constructor(private readonly dir: string) {
    const { config, results } = runFiles(dir);
    const none = new Map<string, TableCell>();
    this.parameters = new Kept(config, none, async () => flattenConfig(await readRunConfig(dir)));
    this.metrics = new Kept(metricsFile(dir), none, () => readLastMetrics(dir));
    this.results = new Kept(results, none, () => readMeans(dir));
    this.notes = new Kept(runFiles(dir).notes, { starred: false, tags: [], note: '' }, () => readNotes(dir));
  }

  async facts(): Promise<RunFacts> {
    const [parameters, metrics, results, notes] = await Promise.all([
      this.parameters.get(),
      this.metrics.get(),
      this.results.get(),
      this.notes.get(),
    ]);
    return { dir: this.dir, parameters, metrics, results, notes };
  }
}

/** Runs read at a time: enough to keep a network disk busy, few enough for the limit of open files. */
const LOT = 64;

/** What the files of any number of runs say, read again only where a file has changed. */
export class RunFactsStore {
  private readonly entries = new Map<string, RunEntry>();

  async read(dirs: readonly string[]): Promise<RunFacts[]> {
    const facts: RunFacts[] = [];
    for (let at = 0; at < dirs.length; at += LOT) {
      facts.push(...(await Promise.all(dirs.slice(at, at + LOT).map((dir) => this.entry(dir).facts()))));
    }
    return facts;
  }

  private entry(dir: string): RunEntry {
    const known = this.entries.get(dir) ?? new RunEntry(dir);
    this.entries.set(dir, known);
    return known;
  }
}

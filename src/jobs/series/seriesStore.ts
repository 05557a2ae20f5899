import { setTimeout as sleep } from 'node:timers/promises';
import type { Series, SeriesAnswer, SeriesRequest } from '../../protocol/curves';
import { MetricsReader } from '../../runs/metrics';
import { RunSeries } from './runSeries';
import { LineScanner } from '../../runs/scan';

/** An answer does not wait longer for files to be read: what is there by then is shown, and the rest as it comes. */
const PATIENCE_MS = 400;

interface Entry {
  readonly reader: MetricsReader;
  readonly scanner: LineScanner;
  series: RunSeries;
  /** The reading under way, or the last one. */
  reading: Promise<void>;
  isReading: boolean;
  /** The file may have grown since the reading under way began. */
  again: boolean;
}

export interface RunContents {
  readonly metrics: readonly string[];
  readonly lastStep: number;
}

/**
 * The metrics of any number of runs, read from their directories as they grow. What it knows is always a prefix of the
 * file, so it can be thrown away and built again at any time.
 */
export class SeriesStore {
  private readonly entries = new Map<string, Entry>();
  /** Files are read one after the other, so that the first run is there soonest. */
  private queue: Promise<unknown> = Promise.resolve();

  /** The names of the metrics of a run, and its last step, as far as it has been read. */
  async describe(run: string): Promise<RunContents> {
    const { series } = await this.update(run);
    return { metrics: series.metrics, lastStep: series.lastStep };
  }

  async query(request: SeriesRequest): Promise<SeriesAnswer> {
    const runs = await Promise.all(request.runs.map(async (run) => ({ run, entry: await this.update(run) })));
    const series = runs.flatMap(({ run, entry }) =>
      request.metrics
        .map((metric) => entry.series.select(run, metric, request))
        .filter((found): found is Series => found !== undefined),
    );
    const extents = runs.flatMap(({ entry }) => (entry.series.extent ? [entry.series.extent] : []));
    return {
      series,
      marks: runs.map(({ run, entry }) => entry.series.marks(run)),
      reading: runs.filter(({ entry }) => entry.isReading).map(({ run }) => run),
      ...(extents.length > 0 && {
        extent: [Math.min(...extents.map(([low]) => low)), Math.max(...extents.map(([, high]) => high))],
      }),
    };
  }

  /** Reads new lines until the time limit. @throws UserError when the file cannot be read */
  private async update(run: string): Promise<Entry> {
    let entry = this.entries.get(run);
    if (!entry) {
      const reader = new MetricsReader(run);
      const scanner = new LineScanner();
      entry = { reader, scanner, series: new RunSeries(), reading: Promise.resolve(), isReading: false, again: false };
      this.entries.set(run, entry);
    }
    entry.again = true;
    if (!entry.isReading) this.startReading(entry);
    await Promise.race([entry.reading, sleep(PATIENCE_MS, undefined, { ref: false })]);
    return entry;
  }

  private startReading(entry: Entry): void {
    entry.isReading = true;
    entry.reading = this.queue.then(() => this.read(entry)).finally(() => (entry.isReading = false));
    // A failed reading must not stop the ones after it.
    this.queue = entry.reading.catch(() => undefined);
  }

  private async read(entry: Entry): Promise<void> {
    const { reader, scanner } = entry;
    while (entry.again) {
      entry.again = false;
      await reader.readLines(
        (buffer, end) => scanner.scan(buffer, end, (step, names, values) => entry.series.append(step, names, values)),
        () => (entry.series = new RunSeries()),
      );
    }
  }
}

import type { Series, SeriesAnswer, SeriesRequest } from '../../protocol/curves';
import { MetricsReader } from '../../runs/metrics';
import { RunSeries } from './runSeries';

interface Entry {
  readonly reader: MetricsReader;
  series: RunSeries;
  /** The reading under way; the next one waits for it, so that no line is read twice. */
  reading: Promise<void>;
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

  /** The names of the metrics of a run, and its last step. */
  async describe(run: string): Promise<RunContents> {
    const { series } = await this.update(run);
    return { metrics: series.metrics, lastStep: series.lastStep };
  }

  async query(request: SeriesRequest): Promise<SeriesAnswer> {
    const runs = await Promise.all(request.runs.map(async (run) => ({ run, ...(await this.update(run)) })));
    const series = runs.flatMap(({ run, series: one }) =>
      request.metrics
        .map((metric) => one.select(run, metric, request))
        .filter((found): found is Series => found !== undefined),
    );
    const extents = runs.flatMap(({ series: one }) => (one.extent ? [one.extent] : []));
    return {
      series,
      marks: runs.map(({ run, series: one }) => one.marks(run)),
      ...(extents.length > 0 && {
        extent: [Math.min(...extents.map(([low]) => low)), Math.max(...extents.map(([, high]) => high))],
      }),
    };
  }

  private async update(run: string): Promise<Entry> {
    let entry = this.entries.get(run);
    if (!entry) {
      entry = { reader: new MetricsReader(run), series: new RunSeries(), reading: Promise.resolve() };
      this.entries.set(run, entry);
    }
    const target = entry;
    // A failed reading must not stop the ones after it.
    target.reading = target.reading.catch(() => undefined).then(() => this.read(target));
    await target.reading;
    return target;
  }

  private async read(entry: Entry): Promise<void> {
    const { records, reset } = await entry.reader.read();
    if (reset) entry.series = new RunSeries();
    for (const record of records) entry.series.append(record);
  }
}

import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { writeFileAtomically } from '../files/atomic';
import { runFiles } from './files';
import { MetricsReader, type MetricsPlace } from './metrics';
import { LineScanner } from './scan';
import { ThinCurve, type KeptCurve } from './thinCurve';

/** Metrics beyond this many bytes take long enough to read that what was made of them is kept. */
const KEEP_FROM = 1 << 22;

/** curves.json. */
interface Kept {
  readonly format: 1;
  readonly place: MetricsPlace;
  readonly curves: Readonly<Record<string, KeptCurve>>;
}

interface Taken {
  readonly place: MetricsPlace;
  readonly curves: ReadonlyMap<string, ThinCurve>;
}

/** What was kept in curves.json; undefined when there is none that can be read. It only saves time: the metrics are the truth. */
async function readKept(runDir: string): Promise<Taken | undefined> {
  try {
    const { format, place, curves } = parseJson(await readPlainText(runFiles(runDir).curves)) as Kept;
    if (format !== 1 || !Number.isSafeInteger(place.offset)) return undefined;
    const known = Object.entries(curves).map(([name, curve]) => [name, ThinCurve.of(curve)] as const);
    return { place: { offset: place.offset, tail: String(place.tail) }, curves: new Map(known) };
  } catch {
    return undefined;
  }
}

/**
 * The curves of a run, thinned as they grow: each line of metrics.jsonl is read once, also when a run of millions of steps is
 * resumed, and memory does not grow with their number.
 */
export class RunCurves {
  private reader: MetricsReader;
  private readonly scanner = new LineScanner();
  private opened = false;

  /** By metric, in order of appearance. */
  readonly curves = new Map<string, ThinCurve>();

  constructor(private readonly runDir: string) {
    this.reader = new MetricsReader(runDir);
  }

  /** Takes up what the metrics have more. @throws UserError when they cannot be read */
  async update(): Promise<void> {
    if (!this.opened) await this.takeUp();
    await this.reader.readLines(
      (buffer, end) => this.scanner.scan(buffer, end, (step, names, values) => this.append(step, names, values)),
      () => this.curves.clear(),
    );
  }

  private async takeUp(): Promise<void> {
    this.opened = true;
    const kept = await readKept(this.runDir);
    if (!kept) return;
    this.reader = new MetricsReader(this.runDir, kept.place);
    for (const [name, curve] of kept.curves) this.curves.set(name, curve);
  }

  private append(step: number, names: readonly string[], values: readonly number[]): void {
    for (let i = 0; i < names.length; i++) {
      let curve = this.curves.get(names[i]!);
      if (!curve) this.curves.set(names[i]!, (curve = new ThinCurve()));
      curve.push(step, values[i]!);
    }
  }

  /** Keeps what was read of long metrics for the process that goes on with the run. */
  async keep(): Promise<void> {
    const { place } = this.reader;
    if (place.offset < KEEP_FROM) return;
    const curves = Object.fromEntries([...this.curves].map(([name, curve]) => [name, curve.kept()]));
    await writeFileAtomically(
      runFiles(this.runDir).curves,
      JSON.stringify({ format: 1, place, curves } satisfies Kept),
    );
  }
}

import { open, type FileHandle } from 'node:fs/promises';
import { isMissing, openRegular } from '../files/regular';
import { fileError } from '../errors/userError';
import { isFile } from '../files/kinds';
import { decodeNumber, encodeNumber } from './numbers';
import { runFiles } from './files';

/** One line of metrics.jsonl: the step (from 1), and numbers or short texts by name (`loss`, `loss/reg`, `lr`, …). */
export interface MetricsRecord {
  readonly step: number;
  readonly [name: string]: number | string;
}

export function metricsFile(runDir: string): string {
  return runFiles(runDir).metrics;
}

export function encodeRecord(record: MetricsRecord): string {
  return `${JSON.stringify(record, (_, value: unknown) => (typeof value === 'number' ? encodeNumber(value) : value))}\n`;
}

/** Characters of a line: some hundred metrics. */
const MOST_LINE = 1 << 20;

/** The record of a line, or undefined when the line is torn or damaged. */
export function decodeRecord(line: string): MetricsRecord | undefined {
  try {
    if (line.length > MOST_LINE) return undefined;
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !Number.isFinite((value as MetricsRecord).step))
      return undefined;
    // In place and only where there is a text: readers go through hundreds of thousands of lines.
    const record = value as Record<string, unknown>;
    for (const name in record) {
      const entry = record[name];
      if (typeof entry === 'string') record[name] = decodeNumber(entry);
      // Metrics are numbers and words: anything else was not written by a trainer.
      else if (typeof entry !== 'number') delete record[name];
    }
    return record as MetricsRecord;
  } catch {
    return undefined;
  }
}

const PROBE_BYTES = 1 << 16;

/** A whole line that is a record, and where it lies. */
interface FoundLine {
  readonly start: number;
  /** After its line break. */
  readonly end: number;
  readonly step: number;
}

async function bytesOf(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const buffer = Buffer.alloc(end - start);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
  return buffer.subarray(0, bytesRead);
}

/** The records among the whole lines of `bytes`, which lie at `offset` of the file. @param whole a line begins at its start */
function* linesIn(bytes: Buffer, offset: number, whole: boolean): Generator<FoundLine> {
  let start = whole ? 0 : bytes.indexOf(0x0a) + 1;
  if (!whole && start === 0) return;
  for (let stop = bytes.indexOf(0x0a, start); stop >= 0; stop = bytes.indexOf(0x0a, start)) {
    const step = decodeRecord(bytes.toString('utf8', start, stop))?.step;
    if (step !== undefined) yield { start: offset + start, end: offset + stop + 1, step };
    start = stop + 1;
  }
}

/** The first record that begins after `from`, before `to`. */
async function firstLineAfter(handle: FileHandle, from: number, to: number): Promise<FoundLine | undefined> {
  for (let at = from; at < to; at += PROBE_BYTES) {
    const bytes = await bytesOf(handle, at, Math.min(to, at + PROBE_BYTES + MOST_LINE));
    const [line] = linesIn(bytes, at, at === 0);
    if (line) return line;
  }
  return undefined;
}

/**
 * Where the lines of steps up to `lastStep` end. Steps stand in order, so that a few looks find the place in a file of any size.
 *
 * @returns the last record that stays; undefined where none does
 */
async function lastLineUpTo(handle: FileHandle, size: number, lastStep: number): Promise<FoundLine | undefined> {
  let found: FoundLine | undefined;
  let [low, high] = [0, size];
  // The usual place is the end.
  for (let middle = Math.max(0, size - PROBE_BYTES); high - low > PROBE_BYTES; middle = Math.floor((low + high) / 2)) {
    const line = await firstLineAfter(handle, middle, high);
    if (!line || line.step > lastStep) high = middle;
    else [found, low] = [line, line.end];
  }
  for (const line of linesIn(await bytesOf(handle, low, Math.min(size, high + MOST_LINE)), low, true)) {
    if (line.step > lastStep) break;
    found = line;
  }
  return found;
}

/** Drops a torn last line, and with `lastStep` every line of a later step; returns the last line that stays. */
async function cut(handle: FileHandle, lastStep: number): Promise<FoundLine | undefined> {
  const { size } = await handle.stat();
  const last = await lastLineUpTo(handle, size, lastStep);
  const end = last?.end ?? 0;
  if (end < size) {
    await handle.truncate(end);
    await handle.sync();
  }
  return last;
}

/** Appends to a run's metrics.jsonl. Lines reach the file as they come; {@link sync} makes them survive a power cut. */
export class MetricsWriter {
  private constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
    /** The last whole line. */
    private last: FoundLine | undefined,
  ) {}

  /**
   * @param options.resumeStep the step of the checkpoint that the run goes on from: lines of later steps are dropped, since
   *   those steps will be done again.
   */
  static async open(runDir: string, options: { resumeStep?: number } = {}): Promise<MetricsWriter> {
    const file = metricsFile(runDir);
    try {
      const handle = await open(file, 'a+');
      return new MetricsWriter(file, handle, await cut(handle, options.resumeStep ?? Infinity));
    } catch (error) {
      throw fileError(error, file, 'write the metrics');
    }
  }

  /** @throws UserError when the disk is full. A line that was written in part is ignored by readers. */
  async append(record: MetricsRecord): Promise<void> {
    const line = Buffer.from(encodeRecord(record));
    const start = this.last?.end ?? 0;
    await this.guard(this.handle.appendFile(line));
    this.last = { start, end: start + line.length, step: record.step };
  }

  /**
   * Adds values to the record of the last step, which was written without them: a step has one line, also when what belongs to
   * it was measured by a later process. Where that record is missing, these values make one.
   */
  async amend(record: MetricsRecord): Promise<void> {
    const { last, file } = this;
    if (last?.step !== record.step) return this.append(record);
    const handle = await open(file, 'r+').catch((error: unknown) => {
      throw fileError(error, file, 'write the metrics');
    });
    const work = async (): Promise<void> => {
      const before = decodeRecord((await bytesOf(handle, last.start, last.end)).toString());
      const line = Buffer.from(encodeRecord({ ...before, ...record }));
      await handle.write(line, 0, line.length, last.start);
      await handle.truncate(last.start + line.length);
      this.last = { ...last, end: last.start + line.length };
    };
    await this.guard(work().finally(() => handle.close()));
  }

  async sync(): Promise<void> {
    await this.guard(this.handle.datasync());
  }

  async close(): Promise<void> {
    await this.guard(this.handle.close());
  }

  private async guard(work: Promise<void>): Promise<void> {
    await work.catch((error: unknown) => {
      throw fileError(error, this.file, 'write the metrics');
    });
  }
}

export interface MetricsUpdate {
  readonly records: readonly MetricsRecord[];
  /** The file was replaced or cut since the last read: forget what was read before. */
  readonly reset: boolean;
}

const MAX_READ = 1 << 22;
/** By so many bytes before it a place in the file is known again. */
const TAIL = 64;

/** How far the metrics were read. */
export interface MetricsPlace {
  /** Bytes that were read. */
  readonly offset: number;
  /** The last of them, base64: a run that is resumed cuts its metrics and writes other ones. */
  readonly tail: string;
}

/** Takes the bytes of whole lines: `buffer[0..end)`, the last of them a line break. */
export type TakeLines = (buffer: Buffer, end: number) => void;

/** Reads metrics.jsonl bit by bit as it grows; each call gives the lines that are new. */
export class MetricsReader {
  private offset: number;
  private tail: Buffer;

  /** @param from where another reader of the same file stopped; default: the beginning */
  constructor(
    private readonly runDir: string,
    from?: MetricsPlace,
  ) {
    this.offset = from?.offset ?? 0;
    this.tail = Buffer.from(from?.tail ?? '', 'base64');
  }

  /** How far it has read. */
  get place(): MetricsPlace {
    return { offset: this.offset, tail: this.tail.toString('base64') };
  }

  /** New whole lines. A file that is not there yet has none. */
  async read(): Promise<MetricsUpdate> {
    let records: MetricsRecord[] = [];
    let reset = false;
    const take: TakeLines = (buffer, end) => {
      for (const line of buffer.toString('utf8', 0, end).split('\n')) {
        const record = line === '' ? undefined : decodeRecord(line);
        if (record) records.push(record);
      }
    };
    await this.readLines(take, () => {
      reset = true;
      records = [];
    });
    return { records, reset };
  }

  /**
   * The bytes of new whole lines, a few megabytes at a time.
   *
   * @param onReset called first when the file was replaced or cut since the last read: what was read before is void
   * @throws UserError naming the file when it cannot be read
   */
  async readLines(take: TakeLines, onReset: () => void): Promise<void> {
    const file = metricsFile(this.runDir);
    let handle: FileHandle | undefined;
    try {
      handle = await openRegular(file, 'read the metrics');
      const { size } = await handle.stat();
      if (this.offset > 0 && !(await this.knowsPlace(handle, size))) {
        this.forget();
        onReset();
      }
      for (let more = true; more;) more = await this.readPart(handle, size, take);
    } catch (error) {
      if (!isMissing(error)) throw fileError(error, file, 'read the metrics');
      if (this.offset > 0) onReset();
      this.forget();
    } finally {
      await handle?.close();
    }
  }

  private forget(): void {
    this.offset = 0;
    this.tail = Buffer.alloc(0);
  }

  /** Whether what was read before still stands in the file. */
  private async knowsPlace(handle: FileHandle, size: number): Promise<boolean> {
    if (size < this.offset) return false;
    return (await bytesOf(handle, this.offset - this.tail.length, this.offset)).equals(this.tail);
  }

  private async readPart(handle: FileHandle, size: number, take: TakeLines): Promise<boolean> {
    const buffer = Buffer.allocUnsafe(Math.min(MAX_READ, size - this.offset));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.offset);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    if (end > 0) {
      take(buffer, end);
      this.tail = Buffer.from(buffer.subarray(Math.max(0, end - TAIL), end));
    }
    this.offset += end;
    return end > 0 && this.offset < size;
  }
}

/** All whole lines of a run's metrics. */
export async function readMetrics(runDir: string): Promise<readonly MetricsRecord[]> {
  return (await new MetricsReader(runDir).read()).records;
}

const TAIL_BYTES = 1 << 16;

/** Whole lines from the end of a file. */
async function tailOf(file: string): Promise<string[]> {
  const handle = await openRegular(file, 'read the metrics');
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const lines = (await bytesOf(handle, start, size)).toString().split('\n');
    return start > 0 ? lines.slice(1) : lines;
  } finally {
    await handle.close();
  }
}

/** The last step that a run has recorded, from the end of the file alone; 0 without any. */
export async function lastMetricsStep(runDir: string): Promise<number> {
  const file = metricsFile(runDir);
  if (!(await isFile(file))) return 0;
  return (await tailOf(file)).reduce((last, line) => Math.max(last, decodeRecord(line)?.step ?? 0), 0);
}

/** The last value of each metric, from the end of the file alone: what was not recorded for hundreds of steps is not found. */
export async function readLastMetrics(runDir: string): Promise<Map<string, number | string>> {
  const last = new Map<string, number | string>();
  for (const line of await tailOf(metricsFile(runDir))) {
    const { step: _, ...values } = decodeRecord(line) ?? {};
    for (const [name, value] of Object.entries(values)) last.set(name, value);
  }
  return last;
}

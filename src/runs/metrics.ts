import { createReadStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileError } from '../errors/userError';
import { writeAtomically } from '../files/atomic';
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

/** The record of a line, or undefined when the line is torn or damaged. */
export function decodeRecord(line: string): MetricsRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !Number.isFinite((value as MetricsRecord).step))
      return undefined;
    // In place and only where there is a text: readers go through hundreds of thousands of lines.
    const record = value as Record<string, unknown>;
    for (const name in record) if (typeof record[name] === 'string') record[name] = decodeNumber(record[name]);
    return record as MetricsRecord;
  } catch {
    return undefined;
  }
}

/** Drops a torn last line, and with `lastStep` every line of a later step. The file is replaced atomically, if at all. */
async function cut(file: string, lastStep: number): Promise<void> {
  const kept: string[] = [];
  let dropped = false;
  const { size } = await stat(file);
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  let bytes = 0;
  for await (const line of lines) {
    bytes += Buffer.byteLength(line) + 1;
    const record = bytes <= size ? decodeRecord(line) : undefined;
    if (record && record.step <= lastStep) kept.push(line);
    else dropped = true;
  }
  if (!dropped) return;
  await writeAtomically(file, async (handle) => {
    const lot = 10_000;
    for (let at = 0; at < kept.length; at += lot) await handle.writeFile(`${kept.slice(at, at + lot).join('\n')}\n`);
  });
}

/** Appends to a run's metrics.jsonl. Lines reach the file as they come; {@link sync} makes them survive a power cut. */
export class MetricsWriter {
  private constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
  ) {}

  /**
   * @param options.resumeStep the step of the checkpoint that the run goes on from: lines of later steps are dropped, since
   *   those steps will be done again.
   */
  static async open(runDir: string, options: { resumeStep?: number } = {}): Promise<MetricsWriter> {
    const file = metricsFile(runDir);
    try {
      const exists = await stat(file).catch(() => undefined);
      if (exists) await cut(file, options.resumeStep ?? Infinity);
      return new MetricsWriter(file, await open(file, 'a'));
    } catch (error) {
      throw fileError(error, file, 'write the metrics');
    }
  }

  /** @throws UserError when the disk is full. A line that was written in part is ignored by readers. */
  async append(record: MetricsRecord): Promise<void> {
    await this.guard(this.handle.appendFile(encodeRecord(record)));
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

/** Takes the bytes of whole lines: `buffer[0..end)`, the last of them a line break. */
export type TakeLines = (buffer: Buffer, end: number) => void;

/** Reads metrics.jsonl bit by bit as it grows; each call gives the lines that are new. */
export class MetricsReader {
  private offset = 0;
  private inode = 0;

  constructor(private readonly runDir: string) {}

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
      handle = await open(file, 'r');
      const { size, ino } = await handle.stat();
      if (this.offset > 0 && (ino !== this.inode || size < this.offset)) {
        this.offset = 0;
        onReset();
      }
      this.inode = ino;
      for (let more = true; more;) more = await this.readPart(handle, size, take);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fileError(error, file, 'read the metrics');
      if (this.offset > 0) onReset();
      this.offset = 0;
    } finally {
      await handle?.close();
    }
  }

  private async readPart(handle: FileHandle, size: number, take: TakeLines): Promise<boolean> {
    const buffer = Buffer.allocUnsafe(Math.min(MAX_READ, size - this.offset));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.offset);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    if (end > 0) take(buffer, end);
    this.offset += end;
    return end > 0 && this.offset < size;
  }
}

/** All whole lines of a run's metrics. */
export async function readMetrics(runDir: string): Promise<readonly MetricsRecord[]> {
  return (await new MetricsReader(runDir).read()).records;
}

const TAIL_BYTES = 1 << 16;

/** The last value of each metric, from the end of the file alone: what was not recorded for hundreds of steps is not found. */
export async function readLastMetrics(runDir: string): Promise<Map<string, number | string>> {
  const file = metricsFile(runDir);
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw fileError(error, file, 'read the metrics');
  });
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    const last = new Map<string, number | string>();
    for (const line of start > 0 ? lines.slice(1) : lines) {
      const { step: _, ...values } = decodeRecord(line) ?? {};
      for (const [name, value] of Object.entries(values)) last.set(name, value);
    }
    return last;
  } finally {
    await handle.close();
  }
}

import { open, readdir, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { fileError } from '../errors/userError';
import { eventsFile, secondOfEvents } from './files';

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  // Castagnoli's polynomial, bits reversed.
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** TFRecord's rotation of the checksum, so that a checksum of data that holds checksums stays strong. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** One TFRecord: length, its masked checksum, data, its masked checksum. */
function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.byteLength + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.byteLength), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.byteLength, maskedCrc(data), true);
  return record;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

function field(number: number, type: number, content: Uint8Array): Buffer {
  const length = type === BYTES ? [varint(content.byteLength)] : [];
  return Buffer.concat([varint(number * 8 + type), ...length, content]);
}

function double(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleLE(value);
  return buffer;
}

function float(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}

/** `Event { wall_time = 1, step = 2, … }` of TensorFlow's event.proto; time in seconds since 1970. */
function event(wallTime: number, step: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([field(1, FIXED64, double(wallTime)), field(2, VARINT, varint(step)), content]);
}

/** `Summary.Value { tag = 1, simple_value = 2 }`. */
function summaryValue(tag: string, value: number): Buffer {
  const content = Buffer.concat([field(1, BYTES, Buffer.from(tag)), field(2, FIXED32, float(value))]);
  return field(1, BYTES, content);
}

/** Writes scalars to an event file for TensorBoard. Every run of the process makes a new file beside the old ones. */
export class EventWriter {
  private constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
  ) {}

  /**
   * @param options.resumeStep step of the checkpoint the run goes on from: tells TensorBoard to forget later steps.
   */
  static async open(runDir: string, options: { resumeStep?: number; now?: Date } = {}): Promise<EventWriter> {
    const seconds = (options.now ?? new Date()).getTime() / 1000;
    const host = hostname().replace(/[^\w.-]/g, '_');
    // TensorBoard reads the files in the order of their names, and would pass over what a clock that was set back names.
    const stem = eventsFile(runDir, Math.max(seconds, 1 + (await lastSecond(runDir))), host, process.pid);
    try {
      const handle = await openNew(stem);
      const writer = new EventWriter(stem, handle);
      await writer.write(event(seconds, 0, field(3, BYTES, Buffer.from('brain.Event:2'))));
      if (options.resumeStep !== undefined) {
        // SessionLog { status = START }
        const start = field(7, BYTES, field(1, VARINT, varint(1)));
        await writer.write(event(seconds, options.resumeStep + 1, start));
      }
      return writer;
    } catch (error) {
      throw fileError(error, stem, 'write the TensorBoard events');
    }
  }

  /** Adds one value for each tag at a step. */
  async scalars(step: number, values: Readonly<Record<string, number>>, now: Date = new Date()): Promise<void> {
    const summary = Buffer.concat(Object.entries(values).map(([tag, value]) => summaryValue(tag, value)));
    await this.write(event(now.getTime() / 1000, step, field(5, BYTES, summary)));
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private async write(data: Uint8Array): Promise<void> {
    await this.handle.appendFile(tfRecord(data)).catch((error: unknown) => {
      throw fileError(error, this.file, 'write the TensorBoard events');
    });
  }
}

/** The newest second that a file of events in the folder is named by. */
async function lastSecond(runDir: string): Promise<number> {
  const names = await readdir(runDir).catch(() => []);
  return Math.max(0, ...names.map((name) => secondOfEvents(name) ?? 0));
}

async function openNew(stem: string): Promise<FileHandle> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await open(attempt === 0 ? stem : `${stem}.${attempt}`, 'ax');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

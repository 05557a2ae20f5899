import { decodeRecord, MetricsReader } from './metrics';

/** Takes one line's numbers: `values[i]` belongs to `names[i]`, NaN stands for every non-finite one. */
export type TakeLine = (step: number, names: readonly string[], values: readonly number[]) => void;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NEWLINE = 0x0a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const NON_FINITE = ['"NaN"', '"Infinity"', '"-Infinity"'].map((text) => Buffer.from(text));
/** Digits beyond these do not change a double that matters here. */
const DIGITS = 17;
const POWERS = Array.from({ length: 309 }, (_, power) => 10 ** power);

interface Key {
  readonly name: string;
  /** `"name":` */
  readonly bytes: Uint8Array;
}

const scaled = (mantissa: number, power: number): number =>
  power < 0 ? mantissa / (POWERS[-power] ?? Infinity) : mantissa * (POWERS[power] ?? Infinity);

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/**
 * Reads lines of metrics.jsonl from their bytes, a few times faster than by way of texts and objects. A line that is not as
 * `encodeRecord` writes it (spaces, escapes, nested values) is read as JSON; one that is no record is left out.
 */
export class LineScanner {
  /** The keys of the lines so far, in their order: mostly those of the next line. */
  private keys: Key[] = [];
  private readonly names: string[] = [];
  private readonly values: number[] = [];
  /** Where the number, text or key read last has ended. */
  private at = 0;

  /** @param exact reads every number to its last bit, for scores; curves do without, which is faster */
  constructor(private readonly exact = false) {}

  /** @param end just after a line break */
  scan(bytes: Buffer, end: number, take: TakeLine): void {
    for (let start = 0; start < end;) {
      const stop = bytes.indexOf(NEWLINE, start);
      if (!this.line(bytes, start, take)) this.slowly(bytes.toString('utf8', start, stop), take);
      start = stop + 1;
    }
  }

  /** One line as our own trainer writes it. @returns false when it is not like that */
  private line(bytes: Buffer, start: number, take: TakeLine): boolean {
    if (bytes[start] !== OPEN) return false;
    let step = Number.NaN;
    let count = 0;
    this.at = start + 1;
    for (let index = 0; ; index++) {
      const key = this.key(bytes, index);
      const value = key && this.value(bytes);
      if (value === undefined) return false;
      if (key!.name === 'step') step = value;
      else {
        this.names[count] = key!.name;
        this.values[count++] = value;
      }
      const next = bytes[this.at++];
      if (next === CLOSE) break;
      if (next !== COMMA) return false;
    }
    if (bytes[this.at] !== NEWLINE || !Number.isFinite(step)) return false;
    this.names.length = count;
    this.values.length = count;
    take(step, this.names, this.values);
    return true;
  }

  private key(bytes: Buffer, index: number): Key | undefined {
    const usual = this.keys[index];
    if (usual && isAt(bytes, this.at, usual.bytes)) {
      this.at += usual.bytes.length;
      return usual;
    }
    if (bytes[this.at] !== QUOTE) return undefined;
    const end = bytes.indexOf('":', this.at + 1);
    const name = bytes.toString('utf8', this.at + 1, end);
    if (end < 0 || /["\\\n]/.test(name)) return undefined;
    const key = { name, bytes: Uint8Array.from(bytes.subarray(this.at, end + 2)) };
    this.keys[index] = key;
    this.at = end + 2;
    return key;
  }

  /** A number, or NaN for a text that stands for one that is not finite; undefined for anything else. */
  private value(bytes: Buffer): number | undefined {
    if (bytes[this.at] !== QUOTE) return this.number(bytes);
    const text = NON_FINITE.find((one) => isAt(bytes, this.at, one));
    if (!text) return undefined;
    this.at += text.length;
    return Number.NaN;
  }

  private number(bytes: Buffer): number | undefined {
    const start = this.at;
    let at = start;
    const negative = bytes[at] === MINUS;
    if (negative) at += 1;
    let mantissa = 0;
    let digits = 0;
    let power = 0;
    const first = at;
    let point = -1;
    for (; ; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit >= 0 && digit <= 9) {
        if (digits < DIGITS) {
          mantissa = mantissa * 10 + digit;
          if (mantissa > 0) digits += 1;
          if (point >= 0) power -= 1;
        } else if (point < 0) power += 1;
      } else if (bytes[at] === DOT && point < 0) point = at;
      else break;
    }
    if (at === first) return undefined;
    if ((bytes[at]! | 0x20) === 0x65) {
      const exponent = /^[eE]([+-]?\d{1,4})/.exec(bytes.toString('latin1', at, at + 8));
      if (!exponent) return undefined;
      power += Number(exponent[1]);
      at += exponent[0].length;
    }
    this.at = at;
    if (this.exact) return Number(bytes.toString('latin1', start, at));
    const value = scaled(mantissa, power);
    return negative ? -value : value;
  }

  private slowly(line: string, take: TakeLine): void {
    const record = decodeRecord(line);
    if (!record) return;
    const numbers = Object.entries(record).filter(([name, value]) => name !== 'step' && typeof value === 'number');
    const finite = numbers.map(([, value]) => (Number.isFinite(value) ? (value as number) : Number.NaN));
    take(
      record.step,
      numbers.map(([name]) => name),
      finite,
    );
  }
}

/** Goes through a run's metrics once, without keeping them: a long run has gigabytes. @throws UserError when they cannot be read */
export async function scanMetrics(runDir: string, take: TakeLine): Promise<void> {
  const scanner = new LineScanner(true);
  await new MetricsReader(runDir).readLines(
    (buffer, end) => scanner.scan(buffer, end, take),
    () => undefined,
  );
}

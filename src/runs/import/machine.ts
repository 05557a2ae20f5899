import { UserError } from '../../errors/userError';
import { Global, Opaque, type PickleHooks } from './values';

/**
 * What reading may cost: operations, and items of what they make, whichever operation and however often one value is used again.
 * An item takes at most some 64 bytes. The file of a hundred thousand tensors stays below.
 */
const MAX_WORK = 8_000_000;
const MAX_NAME = 1000;
const MAX_LINE_BYTES = 4096;
const MAX_MARKS = 1000;
const MAX_INTEGER_BYTES = 256;

export function brokenPickle(file: string, what: string): UserError {
  return new UserError(`${file}: not a usable PyTorch file: ${what}`);
}

/** Counts what the pickles of one file cost. */
export class Work {
  private done = 0;

  constructor(private readonly file: string) {}

  /** @throws UserError when it is more than any file of weights needs */
  spend(items: number): void {
    this.done += items;
    if (this.done > MAX_WORK)
      throw brokenPickle(
        this.file,
        `its pickle would make more than ${MAX_WORK} values, which no network's file does: refused`,
      );
  }
}

/** What an object costs beside an item of a list: a map, a view of bytes, a tensor. */
export const OBJECT_ITEMS = 4;

/** The state of a pickle being read: position, stack, marks and memo. */
export class Machine {
  position: number;
  stack: unknown[] = [];
  result: { value: unknown } | undefined;
  readonly memo = new Map<number, unknown>();
  private readonly marks: unknown[][] = [];
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    start: number,
    readonly file: string,
    readonly hooks: PickleHooks,
    readonly work = new Work(file),
  ) {
    this.position = start;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(what: string): never {
    throw brokenPickle(this.file, what);
  }

  /** The next operation. */
  operation(): number {
    this.work.spend(1);
    return this.u8();
  }

  private advance(count: number): number {
    const at = this.position;
    if (count > this.bytes.length - at) throw new PickleEnd(this.file, count);
    this.position += count;
    return at;
  }

  u8(): number {
    return this.view.getUint8(this.advance(1));
  }

  u16(): number {
    return this.view.getUint16(this.advance(2), true);
  }

  i32(): number {
    return this.view.getInt32(this.advance(4), true);
  }

  u32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  /** An 8-byte length. */
  u64(): number {
    const value = this.view.getBigUint64(this.advance(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`its pickle claims a length of ${value}`);
    return Number(value);
  }

  f64(): number {
    return this.view.getFloat64(this.advance(8), false);
  }

  take(count: number): Uint8Array {
    const at = this.advance(count);
    return this.bytes.subarray(at, at + count);
  }

  text(count: number): string {
    return new TextDecoder().decode(this.take(count));
  }

  /** The text up to the next newline. */
  line(): string {
    const end = this.bytes.subarray(this.position, this.position + MAX_LINE_BYTES + 1).indexOf(0x0a);
    if (end < 0 && this.bytes.length - this.position > MAX_LINE_BYTES) this.fail('its pickle has an overlong line');
    if (end < 0) throw new PickleEnd(this.file, 1);
    const text = this.text(end);
    this.position += 1;
    return text;
  }

  /** A little-endian two's complement integer of `count` bytes; a bigint where a number would not be exact. */
  integer(count: number): number | bigint {
    if (count > MAX_INTEGER_BYTES) this.fail(`its pickle has an integer of ${count} bytes`);
    if (count === 0) return 0;
    const digits = Buffer.from(this.take(count)).reverse().toString('hex');
    return plainInteger(BigInt.asIntN(8 * count, BigInt(`0x${digits}`)));
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length === 0) this.fail('its pickle takes from an empty stack');
    return this.stack.pop();
  }

  top(): unknown {
    if (this.stack.length === 0) this.fail('its pickle takes from an empty stack');
    return this.stack[this.stack.length - 1];
  }

  mark(): void {
    if (this.marks.length >= MAX_MARKS) this.fail(`its pickle is nested more than ${MAX_MARKS} deep`);
    this.marks.push(this.stack);
    this.stack = [];
  }

  /** What was pushed since the last mark. */
  popMark(): unknown[] {
    const items = this.stack;
    this.stack = this.marks.pop() ?? this.fail('its pickle lacks a mark');
    this.work.spend(items.length);
    return items;
  }

  /** A mark's end, or a plain value of the current stack. */
  popOrUnmark(): void {
    if (this.stack.length > 0) this.stack.pop();
    else this.popMark();
  }

  recall(index: number): void {
    if (!this.memo.has(index)) this.fail(`its pickle refers to value ${index}, which it has not made`);
    this.push(this.memo.get(index));
  }

  global(module: unknown, name: unknown): Global {
    if (typeof module !== 'string' || typeof name !== 'string') this.fail('its pickle has a name that is not a text');
    if (module.length > MAX_NAME || name.length > MAX_NAME)
      this.fail(`its pickle has a name of ${Math.max(module.length, name.length)} characters`);
    const global = new Global(module, name);
    this.hooks.named(global);
    return global;
  }

  /** What calling a global, or making an object of it, gives here: a value that is allowed, or a placeholder. */
  make(callee: unknown, args: unknown): unknown {
    if (callee instanceof Opaque) return new Opaque(callee.path);
    if (!(callee instanceof Global)) this.fail('its pickle calls something that has no name');
    this.work.spend(OBJECT_ITEMS + costOf(args));
    const value = Array.isArray(args) ? this.hooks.rebuild(callee, args) : undefined;
    return value === undefined ? new Opaque(callee.path) : value;
  }
}

/** The bytes ended before the pickle did: there may be more of them in the file. */
export class PickleEnd extends UserError {
  constructor(file: string, wanted: number) {
    super(`${file}: not a usable PyTorch file: its pickle ends early, ${wanted} bytes were expected; it is cut short`);
  }
}

/** Items that making something of arguments goes through: theirs, and those of the lists among them. */
function costOf(args: unknown): number {
  if (!Array.isArray(args)) return 0;
  return args.reduce<number>((sum, one) => sum + (Array.isArray(one) ? one.length : 1), 0);
}

export function plainInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

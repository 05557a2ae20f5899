import type { Point, WeightedPoint } from './plot/thin';

/** Stretches of a curve that are kept: between half of this and all of it, once it is long. */
const MAX_STRETCHES = 1024;

/** What a stretch is kept as: numbers in this order. A landmark that it does not have is NaN. */
const FIRST = 0;
const LAST = 1;
const LOW_X = 2;
const LOW_Y = 3;
const HIGH_X = 4;
const HIGH_Y = 5;
/** Sum and number of the finite values. */
const SUM = 6;
const COUNT = 7;
/** Number of all values. */
const VALUES = 8;
/** Where the first value stands that is not finite. */
const BAD = 9;
const FIELDS = 10;

/** What {@link ThinCurve} is kept as between two processes: plain data. */
export interface KeptCurve {
  /** Values in a stretch. */
  readonly size: number;
  /** The numbers of all stretches, base64. */
  readonly stretches: string;
  /** The last finite value. */
  readonly last: readonly [x: number, y: number] | null;
}

/**
 * A curve of any length in bounded memory, for a picture of it: short ones whole, of long ones the lowest, the highest and the
 * mean of each stretch, so that no spike is lost. Values are added in order of x.
 */
export class ThinCurve {
  private readonly numbers = new Float64Array((MAX_STRETCHES + 1) * FIELDS);
  private count = 0;
  private size = 1;
  private last: readonly [x: number, y: number] | null = null;

  /** @throws RangeError for what no curve was kept as */
  static of({ size, stretches, last }: KeptCurve): ThinCurve {
    const curve = new ThinCurve();
    const bytes = Uint8Array.from(Buffer.from(stretches, 'base64'));
    curve.numbers.set(new Float64Array(bytes.buffer));
    curve.count = bytes.length / 8 / FIELDS;
    curve.size = size;
    curve.last = last;
    return curve;
  }

  kept(): KeptCurve {
    const { size, last, numbers, count } = this;
    return { size, stretches: Buffer.from(numbers.buffer, 0, count * FIELDS * 8).toString('base64'), last };
  }

  /** @param y NaN for every value that is not finite */
  push(x: number, y: number): void {
    const { numbers } = this;
    let at = (this.count - 1) * FIELDS;
    // A run of an older version may have been resumed without its later lines being dropped.
    while (this.count > 0 && numbers[at + LAST]! >= x) {
      this.count -= 1;
      at -= FIELDS;
    }
    if (this.count === 0 || numbers[at + VALUES]! >= this.size) at = this.begin(x);
    numbers[at + LAST] = x;
    numbers[at + VALUES]! += 1;
    if (Number.isNaN(y)) {
      if (Number.isNaN(numbers[at + BAD]!)) numbers[at + BAD] = x;
      return;
    }
    this.last = [x, y];
    numbers[at + SUM]! += y;
    numbers[at + COUNT]! += 1;
    if (!(numbers[at + LOW_Y]! <= y)) [numbers[at + LOW_X], numbers[at + LOW_Y]] = [x, y];
    if (!(numbers[at + HIGH_Y]! >= y)) [numbers[at + HIGH_X], numbers[at + HIGH_Y]] = [x, y];
  }

  /** Begins a stretch; returns where its numbers stand. */
  private begin(x: number): number {
    if (this.count === MAX_STRETCHES) this.halve();
    const at = this.count * FIELDS;
    this.numbers.fill(NaN, at, at + FIELDS);
    this.numbers[at + FIRST] = x;
    for (const field of [SUM, COUNT, VALUES]) this.numbers[at + field] = 0;
    this.count += 1;
    return at;
  }

  /** Joins stretches by twos. */
  private halve(): void {
    const { numbers } = this;
    for (let i = 0; i < this.count; i += 2) {
      const [to, a, b] = [(i / 2) * FIELDS, i * FIELDS, (i + 1) * FIELDS];
      numbers.copyWithin(to, a, a + FIELDS);
      numbers[to + LAST] = numbers[b + LAST]!;
      for (const field of [SUM, COUNT, VALUES]) numbers[to + field]! += numbers[b + field]!;
      if (Number.isNaN(numbers[to + BAD]!)) numbers[to + BAD] = numbers[b + BAD]!;
      const [low, high] = [numbers[b + LOW_Y]!, numbers[b + HIGH_Y]!];
      if (low < numbers[to + LOW_Y]! || Number.isNaN(numbers[to + LOW_Y]!))
        [numbers[to + LOW_X], numbers[to + LOW_Y]] = [numbers[b + LOW_X]!, low];
      if (high > numbers[to + HIGH_Y]! || Number.isNaN(numbers[to + HIGH_Y]!))
        [numbers[to + HIGH_X], numbers[to + HIGH_Y]] = [numbers[b + HIGH_X]!, high];
    }
    this.count /= 2;
    this.size *= 2;
  }

  /** The values, or the landmarks of each stretch of a long curve, in order of x; the last finite value is among them. */
  points(): Point[] {
    const points = new Map<number, Point>();
    for (let i = 0; i < this.count; i++) {
      const [, , lowX, lowY, highX, highY, , , , bad] = this.numbers.subarray(i * FIELDS, (i + 1) * FIELDS);
      const marks = [
        { x: lowX!, y: lowY! },
        { x: highX!, y: highY! },
        { x: bad!, y: NaN },
      ];
      for (const mark of marks) if (!Number.isNaN(mark.x)) points.set(mark.x, mark);
    }
    if (this.last) points.set(this.last[0], { x: this.last[0], y: this.last[1] });
    return [...points.values()].sort((a, b) => a.x - b.x);
  }

  /** The mean of each stretch of a curve that is too long to be kept whole, and how many values it is of; else undefined. */
  means(): WeightedPoint[] | undefined {
    if (this.size === 1) return undefined;
    const means: WeightedPoint[] = [];
    for (let i = 0; i < this.count; i++) {
      const [first, last, , , , , sum, count] = this.numbers.subarray(i * FIELDS, (i + 1) * FIELDS);
      if (count! > 0) means.push({ point: { x: (first! + last!) / 2, y: sum! / count! }, weight: count! });
    }
    return means;
  }
}

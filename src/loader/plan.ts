import { imageFiles, type Case } from '../data/datalist';
import { noneLeft } from '../data/noneLeft';
import { RandomStream, streamId } from '../random/random';
import type { Draw } from '../tasks';

const ORDER = streamId('epoch order');
const CROPS = streamId('crops');
const REPLACEMENT = streamId('replacement of a bad case');
const VALIDATION = streamId('validation crops');

/**
 * Which cases each step sees: every epoch goes once through all cases in an order of its own, and batches may span the end of
 * an epoch. A function of seed and step alone, so it can be entered anywhere. The place of a case that is left out goes to another
 * one, drawn with the seed: which cases are bad decides that, not when it turned out.
 */
export class SamplePlan<Item extends Pick<Case, 'image'> = Pick<Case, 'image'>> {
  private readonly orders = new Map<number, Uint32Array>();
  private readonly left: Set<string>;
  /** Why the last one was left out. */
  private reason = '';

  /**
   * @param batch volumes a step
   * @param leftOut first image files of the cases that are left out
   */
  constructor(
    private readonly cases: readonly Item[],
    private readonly seed: number,
    private readonly batch: number,
    leftOut: Iterable<string> = [],
  ) {
    this.left = new Set(leftOut);
  }

  /** Leaves a case out from now on. @param reason a sentence that names its file */
  leaveOut(image: string, reason: string): void {
    this.left.add(image);
    this.reason = reason;
  }

  private isLeftOut(item: Item): boolean {
    return this.left.size > 0 && this.left.has(imageFiles(item)[0]!);
  }

  /** Who takes the place of a case that is left out. @throws UserError when all are */
  private replacement(epoch: number, place: number): Item {
    const order = new RandomStream(this.seed, REPLACEMENT, epoch, place).permutation(this.cases.length);
    const found = order.find((index) => !this.isLeftOut(this.cases[index]!));
    if (found === undefined) throw noneLeft('train', this.cases.length, this.reason);
    return this.cases[found]!;
  }

  private order(epoch: number): Uint32Array {
    let order = this.orders.get(epoch);
    if (!order) {
      order = new RandomStream(this.seed, ORDER, epoch).permutation(this.cases.length);
      for (const old of this.orders.keys()) if (old < epoch - 1) this.orders.delete(old);
      this.orders.set(epoch, order);
    }
    return order;
  }

  /** Epoch of the first volume of a step, from 0. */
  epoch(step: number): number {
    return Math.floor((step * this.batch) / this.cases.length);
  }

  /** The volumes of a step. */
  draws(step: number): Draw<Item>[] {
    return Array.from({ length: this.batch }, (_, b) => {
      const position = step * this.batch + b;
      const epoch = Math.floor(position / this.cases.length);
      const place = position % this.cases.length;
      const drawn = this.cases[this.order(epoch)[place]!]!;
      const item = this.isLeftOut(drawn) ? this.replacement(epoch, place) : drawn;
      return { ...item, stream: [this.seed, CROPS, epoch, place], augment: true };
    });
  }

  /** A held-out case without augmentation: the same for a case and draw, whatever else is in the list. */
  validationDraw<Held extends Pick<Case, 'id' | 'image'>>(item: Held, draw: number): Draw<Held> {
    return { ...item, stream: [this.seed, VALIDATION, streamId(item.id), draw], augment: false };
  }
}

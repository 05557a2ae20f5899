import type { Case } from '../data/datalist';
import { RandomStream, streamId } from '../random/random';
import type { Draw } from '../tasks';

const ORDER = streamId('epoch order');
const CROPS = streamId('crops');
const VALIDATION = streamId('validation crops');

/**
 * Which cases each step sees: every epoch goes once through all cases in an order of its own, and batches may span the end of
 * an epoch. A function of seed and step alone, so it can be entered anywhere.
 */
export class SamplePlan<Item extends Pick<Case, 'image'> = Pick<Case, 'image'>> {
  private readonly orders = new Map<number, Uint32Array>();

  /** @param batch volumes a step */
  constructor(
    private readonly cases: readonly Item[],
    private readonly seed: number,
    private readonly batch: number,
  ) {}

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
      const item = this.cases[this.order(epoch)[place]!]!;
      return { ...item, stream: [this.seed, CROPS, epoch, place], augment: true };
    });
  }

  /** A held-out case without augmentation: the same for a case and draw, whatever else is in the list. */
  validationDraw<Held extends Pick<Case, 'id' | 'image'>>(item: Held, draw: number): Draw<Held> {
    return { ...item, stream: [this.seed, VALIDATION, streamId(item.id), draw], augment: false };
  }
}

import type { Case } from '../data/datalist';
import { RandomStream, streamId } from '../random/random';
import type { VolumeDraw } from './settings';

const ORDER = streamId('epoch order');
const CROPS = streamId('crops');
const VALIDATION = streamId('validation crops');

/**
 * Which cases each step sees: every epoch goes once through all cases in an order of its own, and batches may span the end of
 * an epoch. A function of seed and step alone, so it can be entered anywhere.
 */
export class SamplePlan {
  private readonly orders = new Map<number, Uint32Array>();

  constructor(
    private readonly cases: readonly Pick<Case, 'image'>[],
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

  /** Which cases a step sees, by number, and the path of each one's random streams. */
  visits(step: number): { index: number; stream: number[] }[] {
    return Array.from({ length: this.batch }, (_, b) => {
      const position = step * this.batch + b;
      const epoch = Math.floor(position / this.cases.length);
      const place = position % this.cases.length;
      return { index: this.order(epoch)[place]!, stream: [this.seed, CROPS, epoch, place] };
    });
  }

  /** The volumes of a step. */
  draws(step: number): VolumeDraw[] {
    return this.visits(step).map(({ index, stream }) => ({ image: this.cases[index]!.image, stream, augment: true }));
  }

  /** The crops of one validation case, without augmentation: the same for a case and draw, whatever else is in the list. */
  validationDraw(item: Pick<Case, 'id' | 'image'>, draw: number): VolumeDraw {
    return { image: item.image, stream: [this.seed, VALIDATION, streamId(item.id), draw], augment: false };
  }
}

import type { PretrainConfig } from '../../config';
import { cropTraits } from '../../data/channels';
import { mapAxes } from '../../geometry';
import type { CropRequest } from '../../protocol/crops';
import type { CropImage, DrawnCrop, OpenPreview, TaskPreview } from '../../tasks';
import type { PreparedVolume } from '../../data/regionMasks';
import { askedVoxels, drawOf, type CropRow, type CropSample, type MakeSample } from './sample';
import { batchOf } from './sampler';
import { methodOf, type CropMethod } from './settings';

const NONE = [0, 0, 0] as const;

/** What differs between tasks in what is shown of a sample. */
export interface Shown {
  readonly goesIn: readonly CropImage[];
  readonly asked: readonly CropImage[];
  readonly question?: string;
  readonly label?: Float64Array;
}

/** The voxels of a row that something is asked of, where these are not all. */
export function askedOf(row: CropRow): Pick<CropImage, 'asked'> {
  const asked = askedVoxels(row);
  return asked ? { asked } : {};
}

/** A task that restores an image: what of the crop goes in, and the image. */
export const restoredShown =
  (goesIn: string, asked: string) =>
  ({ rows }: CropSample): Shown => {
    const { input, target } = rows[0]!;
    return {
      goesIn: [{ name: goesIn, voxels: input }],
      asked: [{ name: asked, voxels: target!, ...askedOf(rows[0]!) }],
    };
  };

/** A task that restores what is hidden. */
export function maskedShown({ rows }: CropSample): Shown {
  const { input, target, mask } = rows[0]!;
  return {
    goesIn: [{ name: 'The crop, hidden cubes hatched', voxels: input, ...(mask && { hidden: mask }) }],
    asked: [{ name: 'The hidden cubes', voxels: target!, ...askedOf(rows[0]!) }],
  };
}

function drawn({ rows, box, plain, words }: CropSample, shown: Shown): DrawnCrop {
  return {
    box,
    centre: mapAxes((axis) => box.start[axis] + Math.floor(box.size[axis] / 2)),
    plain: plain(),
    ...shown,
    words: [...words, ...keptWords(rows[0]!)].join(', ') || 'not changed in this draw',
  };
}

/** What the loss leaves out. */
function keptWords({ kept }: CropRow): string[] {
  const removed = kept ? kept.length - kept.reduce((sum, value) => sum + value, 0) : 0;
  return removed > 0
    ? [`no loss in ${Math.ceil((100 * removed) / kept!.length)} %, which an anonymisation removed`]
    : [];
}

/**
 * The preview of a task that draws crops: the very samples of training.
 *
 * @param show what goes in and what is asked, of a sample
 */
export function cropPreview<Method extends CropMethod>(
  make: MakeSample<Method>,
  show: (sample: CropSample, method: Method) => Shown,
): TaskPreview {
  return {
    open(config: PretrainConfig, volume: PreparedVolume): OpenPreview {
      const method = methodOf<Method>(config);
      const traits = cropTraits(config.data);
      // The other crop of tasks that mix two is of the same volume, as in a batch of one; of a larger batch this one stands for the others.
      const others = config.train.batch > 1 ? [volume] : [];
      const numberOf = ({ choice }: CropRequest): number => Math.min(choice.index, method.perVolume - 1);
      const sample = ({ choice, augment }: CropRequest, stream: readonly number[], number: number): CropSample => {
        const place = choice.centre && { centre: choice.centre };
        const loaded = { volume, others, stream, number, augment: augment.flip || augment.rotate, ...place };
        return make(drawOf(loaded, traits), method);
      };
      return {
        grid: { counts: NONE, crop: NONE, origin: NONE },
        randomCrops: method.perVolume,
        input: method.crop,
        draw: (request, stream) => {
          const one = sample(request, stream, numberOf(request));
          return drawn(one, show(one, method));
        },
        batch(request, [stream, ...later], alone) {
          const number = numberOf(request);
          const first = sample(request, stream!, number);
          if (alone) return batchOf([first]);
          const numbers = Array.from({ length: method.perVolume }, (_, i) => i);
          // Only the crop that is looked at can have been moved.
          const drawnOnly = { ...request, choice: { kind: 'random', index: 0 } } as const;
          const beside = numbers.filter((i) => i !== number).map((i) => sample(drawnOnly, stream!, i));
          const further = later.flatMap((one) => numbers.map((i) => sample(drawnOnly, one, i)));
          return batchOf([first, ...beside, ...further]);
        },
      };
    },
  };
}

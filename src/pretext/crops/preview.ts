import type { PretrainConfig } from '../../config';
import { cropTraits } from '../../data/channels';
import { mapAxes } from '../../geometry';
import type { CropRequest } from '../../protocol/crops';
import type { CropImage, DrawnCrop, OpenPreview, TaskPreview } from '../../tasks';
import type { Volume } from '../../volume';
import { drawOf, type CropSample, type MakeSample } from './sample';
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

/** A task that restores an image: what of the crop goes in, and the image. */
export const restoredShown =
  (goesIn: string, asked: string) =>
  ({ rows }: CropSample): Shown => {
    const { input, target, mask } = rows[0]!;
    return {
      goesIn: [{ name: goesIn, voxels: input }],
      asked: [{ name: asked, voxels: target!, ...(mask && { asked: mask }) }],
    };
  };

/** A task that restores what is hidden. */
export function maskedShown({ rows }: CropSample): Shown {
  const { input, target, mask } = rows[0]!;
  return {
    goesIn: [{ name: 'The crop, hidden cubes hatched', voxels: input, ...(mask && { hidden: mask }) }],
    asked: [{ name: 'The hidden cubes', voxels: target!, ...(mask && { asked: mask }) }],
  };
}

function drawn({ box, plain, words }: CropSample, shown: Shown): DrawnCrop {
  return {
    box,
    centre: mapAxes((axis) => box.start[axis] + Math.floor(box.size[axis] / 2)),
    plain: plain(),
    ...shown,
    words: words.length > 0 ? words.join(', ') : 'not changed in this draw',
  };
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
    open(config: PretrainConfig, volume: Volume<Float32Array>): OpenPreview {
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

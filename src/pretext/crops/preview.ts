import type { PretrainConfig } from '../../config';
import { mapAxes } from '../../geometry';
import type { DrawnCrop, OpenPreview, TaskPreview } from '../../tasks';
import type { Volume } from '../../volume';
import type { CropSample, MakeSample } from './sample';
import { methodOf, type CropMethod } from './settings';

const NONE = [0, 0, 0] as const;

/** What goes in and what is asked, of a crop: another row of the same crop is shown where no image is to be restored. */
export function drawn({ rows, box, plain, words }: CropSample): DrawnCrop {
  const [first, second] = rows;
  const target = first!.target ?? second?.input;
  return {
    box,
    centre: mapAxes((axis) => box.start[axis] + Math.floor(box.size[axis] / 2)),
    plain: plain(),
    seen: first!.input,
    ...(target && { target }),
    words: words.length > 0 ? words.join(', ') : 'not changed in this draw',
  };
}

/**
 * The preview of a task that draws crops: the very samples of training.
 *
 * @param show how a sample is shown; by default its first row, and what is asked of it
 */
export function cropPreview<Method extends CropMethod>(
  make: MakeSample<Method>,
  show: (sample: CropSample) => DrawnCrop = drawn,
): TaskPreview {
  return {
    open(config: PretrainConfig, volume: Volume<Float32Array>): OpenPreview {
      const method = methodOf<Method>(config);
      return {
        grid: { counts: NONE, crop: NONE, origin: NONE },
        randomCrops: method.perVolume,
        input: method.crop,
        draw({ choice, augment }, stream) {
          const number = Math.min(choice.index, method.perVolume - 1);
          const augmented = augment.flip || augment.rotate;
          const place = choice.centre && { centre: choice.centre };
          return show(make({ volume, others: [volume], stream, number, augment: augmented, ...place }, method));
        },
      };
    },
  };
}

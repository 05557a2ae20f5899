import { NO_AUGMENTATION, sampleCrop } from '../../../../src/data/augment';
import { mapAxes, voxelCount } from '../../../../src/geometry';
import type { TaskPreview } from '../../../../src/tasks';
import { drawPatch } from './sampler';
import { methodOf } from './task';

const NONE = [0, 0, 0] as const;

/** What goes in is the brightened patch; what is asked is the shift, shown as the patch without it. */
export const brightnessPreview: TaskPreview = {
  open(config, volume) {
    const method = methodOf(config);
    return {
      grid: { counts: NONE, crop: NONE, origin: NONE },
      randomCrops: method.perVolume,
      input: method.patch,
      draw({ choice }, stream) {
        const { box, shift } = drawPatch(volume, method, stream, choice.index);
        const cut = (added: number): Float32Array => {
          const out = new Float32Array(voxelCount(method.patch));
          sampleCrop(volume, box.start, box.size, method.patch, { ...NO_AUGMENTATION, shift: added }, out, 0);
          return out;
        };
        const centre = mapAxes((axis) => box.start[axis] + Math.floor(box.size[axis] / 2));
        return {
          box,
          centre,
          plain: cut(0),
          goesIn: [{ name: 'The patch', voxels: cut(shift) }],
          asked: [],
          question: 'By how much the patch was brightened',
          words: `brighter by ${shift.toFixed(3)}`,
        };
      },
    };
  },
};

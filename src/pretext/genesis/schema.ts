import { probability } from '../../schema';
import { cropAugmentation, cropSize, cropsPerVolume } from '../crops/schema';

const chance = (text: string, value: number) =>
  ({ ...probability, default: value, description: `${text} Models Genesis: ${value}.`, examples: [value, 0] }) as const;

/** The section `method` of a config that pre-trains with Models Genesis. */
export const genesisSchema = {
  type: 'object',
  title: 'Models Genesis: undo four corruptions',
  examples: [{ name: 'genesis', crop: [64, 64, 64] }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'genesis',
      default: 'genesis',
      description:
        'A crop is corrupted in up to four ways, and the network gives the clean one. The corruptions work on intensities that are ' +
        'brought to 0 to 1 by the range of the crop, and back.',
      examples: ['genesis'],
    },
    crop: cropSize,
    perVolume: cropsPerVolume,
    shuffle: chance('Probability that voxels are shuffled within small windows, 0 to 1.', 0.5),
    nonlinear: chance('Probability that intensities pass a random Bézier curve, 0 to 1.', 0.9),
    paint: chance('Probability that a part is painted over with noise, 0 to 1.', 0.9),
    inpaint: chance('Share of the painting that hides boxes within the crop; the rest hides all but some boxes.', 0.2),
    augment: cropAugmentation,
  },
} as const;

import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { augmentationRules } from '../crops/rules';
import { volumeFusionPresets } from './presets';
import { boxRules } from './rules';
import { volumeFusionSchema } from './schema';

/** The section `method` of a config that pre-trains with Volume Fusion, every default filled in. */
export type VolumeFusionMethod = FromSchema<typeof volumeFusionSchema>;

export const volumeFusionDescriptor = {
  name: 'volume-fusion',
  title: volumeFusionSchema.title,
  schema: volumeFusionSchema,
  presets: volumeFusionPresets,
  rules: ({ method }) => [...boxRules(method), ...augmentationRules(method.augment)],
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'by telling how crops were mixed (Volume Fusion)',
  heads: /^$/,
  best: { metric: 'loss', goal: 'min' },
  charts: [
    {
      id: 'voxelAccuracy',
      title: 'Voxel accuracy',
      unit: 'share of voxels',
      metrics: ['voxelAccuracy'],
      atLeast: [0, 1],
      plotted: true,
    },
  ],
  titles: { dice: 'Dice loss', crossEntropy: 'Cross entropy', voxelAccuracy: 'Voxel accuracy' },
} as const satisfies PretextDescriptor<VolumeFusionMethod>;

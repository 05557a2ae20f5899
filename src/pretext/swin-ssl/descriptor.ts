import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { augmentationRules } from '../crops/rules';
import { turnRules } from '../rotation/rules';
import { swinSslPresets } from './presets';
import { weightRules } from './rules';
import { swinSslSchema } from './schema';

/** The section `method` of a config that pre-trains with Swin-UNETR's objective, every default filled in. */
export type SwinSslMethod = FromSchema<typeof swinSslSchema>;

export const swinSslDescriptor = {
  name: 'swin-ssl',
  title: swinSslSchema.title,
  schema: swinSslSchema,
  presets: swinSslPresets,
  rules: ({ method, train }) => [
    ...weightRules(method, train.batch),
    ...turnRules({ ...method, turns: 'axial' }),
    ...augmentationRules(method.augment),
  ],
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'by in-painting, rotation and contrast (Swin-UNETR)',
  heads: /^(features|turn|contrast|restore)\./,
  best: { metric: 'loss', goal: 'min' },
  charts: [
    {
      id: 'swinSsl',
      title: 'Turns and partners told',
      unit: 'share of views',
      metrics: ['turnAccuracy', 'found'],
      atLeast: [0, 1],
      plotted: true,
    },
  ],
  titles: {
    restoreLoss: 'Error of restored voxels',
    turnLoss: 'Loss of the turns',
    contrastLoss: 'Contrast',
    turnAccuracy: 'Turns',
    found: 'Found partners',
  },
} as const satisfies PretextDescriptor<SwinSslMethod>;

import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { correlationChart } from '../crops/descriptor';
import { augmentationRules, blockRules, evenBlockRules } from '../crops/rules';
import { simmimPresets } from './presets';
import { simmimSchema } from './schema';

/** The section `method` of a config that pre-trains with SimMIM, every default filled in. */
export type SimmimMethod = FromSchema<typeof simmimSchema>;

export const simmimDescriptor = {
  name: 'simmim',
  title: simmimSchema.title,
  schema: simmimSchema,
  presets: simmimPresets,
  rules: ({ method }) => [
    ...blockRules(method.crop, method.block, 'block'),
    ...evenBlockRules(method.block),
    ...augmentationRules(method.augment),
  ],
  refuses: ({ masking }) => (masking.includes('tokens') ? undefined : 'has no tokens that can be replaced'),
  hides: ({ block }) => ({ path: ['method', 'block'], edge: block }),
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'by restoring cubes behind a token (SimMIM)',
  heads: /^(mask_token|restore\.)/,
  best: { metric: 'loss', goal: 'min' },
  charts: [correlationChart],
  titles: {},
} as const satisfies PretextDescriptor<SimmimMethod>;

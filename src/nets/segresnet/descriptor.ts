import type { FromSchema } from 'json-schema-to-ts';
import { mapAxes, type Vec3 } from '../../geometry';
import { error, warning, type Problem } from '../../schema';
import { inChannels, strideProblem, type NetworkDescriptor } from '../descriptor';

/** Groups of every group norm in MONAI's SegResNet. */
export const GROUPS = 8;

const blocks = { type: 'integer', minimum: 1, maximum: 64 } as const;

const schema = {
  type: 'object',
  title: 'SegResNet',
  additionalProperties: false,
  examples: [{ name: 'segresnet', initFilters: 16 }],
  properties: {
    name: {
      type: 'string',
      const: 'segresnet',
      default: 'segresnet',
      description: 'SegResNet, a residual U-Net that adds its skip connections: the network of SuPreM and of CT-FM.',
      examples: ['segresnet'],
    },
    variant: {
      type: 'string',
      enum: ['suprem', 'ct-fm'],
      default: 'suprem',
      description:
        'suprem: MONAI’s SegResNet, with group norms and trilinear upsampling. ct-fm: MONAI’s SegResNetDS, with batch norms ' +
        'and transposed convolutions; every batch then passes as a whole.',
      examples: ['suprem', 'ct-fm'],
    },
    initFilters: {
      type: 'integer',
      minimum: 1,
      maximum: 384,
      default: 16,
      description:
        'Channels of the first level; each level has twice those before. SuPreM: 16, CT-FM: 32. For suprem a multiple of 8. Cost ' +
        'grows with its square.',
      examples: [16, 32, 8],
    },
    blocksDown: {
      type: 'array',
      items: blocks,
      minItems: 2,
      maxItems: 7,
      default: [1, 2, 2, 4],
      description:
        'Residual blocks at each level of the encoder, from fine to coarse; each level halves the resolution. SuPreM: 1, 2, 2, 4. ' +
        'CT-FM: 1, 2, 2, 4, 4.',
      examples: [
        [1, 2, 2, 4],
        [1, 2, 2, 4, 4],
      ],
    },
    blocksUp: {
      ...blocks,
      default: 1,
      description: 'Residual blocks at each level of the decoder. SuPreM and CT-FM: 1.',
      examples: [1],
    },
    freezeStatistics: {
      type: 'boolean',
      default: false,
      description:
        'ct-fm: batch norms keep the statistics of the checkpoint instead of those of each batch. For a fine-tuning with few crops ' +
        'at a time.',
      examples: [true],
    },
    inChannels,
  },
} as const;

export type SegResNetSection = FromSchema<typeof schema>;

/** Whether batch norms take the statistics of the batch in training. */
const usesBatch = ({ variant, freezeStatistics }: SegResNetSection): boolean =>
  variant === 'ct-fm' && !freezeStatistics;

const strideOf = ({ blocksDown }: SegResNetSection): Vec3 => mapAxes(() => 2 ** (blocksDown.length - 1));

function rules({ variant, initFilters, freezeStatistics }: SegResNetSection): Problem[] {
  const problems: Problem[] = [];
  if (variant === 'suprem' && initFilters % GROUPS !== 0) {
    const nearest = Math.max(1, Math.round(initFilters / GROUPS)) * GROUPS;
    const message = `must be a multiple of ${GROUPS} for the group norms of "suprem", is ${initFilters}`;
    problems.push(error(['initFilters'], message, nearest));
  }
  if (variant === 'suprem' && freezeStatistics)
    problems.push(warning(['freezeStatistics'], 'unused: the group norms of "suprem" keep no statistics'));
  return problems;
}

const NAMES = new RegExp(
  [
    String.raw`^(convInit\.conv\.weight`,
    String.raw`down_layers\.\d+\.0\.conv\.weight`,
    String.raw`(down|up)_layers\.\d+\.\d+\.(norm[12]\.(weight|bias)|conv[12]\.conv\.weight)`,
    String.raw`up_samples\.\d+\.0\.conv\.weight`,
    String.raw`conv_final\.(0|2\.conv)\.(weight|bias)`,
    String.raw`encoder\.conv_init\.weight`,
    String.raw`encoder\.layers\.\d+\.downsample\.weight`,
    String.raw`(encoder\.|up_)layers\.\d+\.blocks\.\d+\.(norm[12]\.(weight|bias|running_mean|running_var|num_batches_tracked)|conv[12]\.weight)`,
    String.raw`up_layers\.\d+\.upsample\.deconv\.weight`,
    String.raw`up_layers\.\d+\.head\.(weight|bias))$`,
  ].join('|'),
);

type Shapes = ReadonlyMap<string, readonly number[]>;

/** How many names there are in a row, the first for 0. */
function countOf(shapes: Shapes, name: (index: number) => string): number {
  let count = 0;
  while (shapes.has(name(count))) count += 1;
  return count;
}

/** Blocks of each level in a row. @param norm the name of a block's first norm */
function blocksOf(shapes: Shapes, norm: (level: number, block: number) => string): number[] {
  const levels = countOf(shapes, (level) => norm(level, 0));
  return Array.from({ length: levels }, (_, level) => countOf(shapes, (block) => norm(level, block)));
}

/** How the tensors of a variant are called. */
interface Naming {
  readonly variant: SegResNetSection['variant'];
  readonly first: string;
  readonly down: (level: number, block: number) => string;
  readonly up: (level: number, block: number) => string;
  /** The first upsampling. */
  readonly sample: string;
}

const namings: readonly Naming[] = [
  {
    variant: 'suprem',
    first: 'convInit.conv.weight',
    // Index 0 of a level is its strided convolution.
    down: (level, block) => `down_layers.${level}.${block + 1}.norm1.weight`,
    up: (level, block) => `up_layers.${level}.${block}.norm1.weight`,
    sample: 'up_samples.0.0.conv.weight',
  },
  {
    variant: 'ct-fm',
    first: 'encoder.conv_init.weight',
    down: (level, block) => `encoder.layers.${level}.blocks.${block}.norm1.running_mean`,
    up: (level, block) => `up_layers.${level}.blocks.${block}.norm1.running_mean`,
    sample: 'up_layers.0.upsample.deconv.weight',
  },
];

function infer(shapes: Shapes): Partial<SegResNetSection> | undefined {
  for (const { variant, first, down, up, sample } of namings) {
    const kernel = shapes.get(first);
    if (kernel?.length !== 5) continue;
    const blocksDown = blocksOf(shapes, down);
    const blocksUp = blocksOf(shapes, up);
    // Other norms, other kinds of upsampling and decoders of unequal levels are other networks.
    if (blocksDown.length < 2 || (blocksUp.length > 0 && !shapes.has(sample)) || new Set(blocksUp).size > 1) continue;
    const decoder = blocksUp.length > 0 ? { blocksUp: blocksUp[0]! } : {};
    return { variant, initFilters: kernel[0]!, blocksDown, ...decoder, inChannels: kernel[1]! };
  }
  return undefined;
}

/** MONAI’s SegResNet and SegResNetDS (networks/nets/segresnet.py, segresnet_ds.py), with MONAI's names and shapes of weights. */
export const segresnet = {
  name: 'segresnet',
  title: schema.title,
  schema,
  summary: ({ variant, initFilters, blocksDown }) =>
    `${variant}, ${initFilters} initial filters, ${blocksDown.length} levels`,
  sizes: { demo: { initFilters: 8 }, small: { initFilters: 8 }, full: { initFilters: 16 } },
  sizeKey: 'initFilters',
  stride: strideOf,
  sizeProblem(section, size) {
    const stride = strideOf(section);
    // A group norm has several channels, and running statistics those of other crops, where a single voxel is left.
    if (!usesBatch(section) && size.join() === stride.join()) return undefined;
    return strideProblem(section.name, stride, size);
  },
  rules,
  masking: [],
  reach: (section) => (usesBatch(section) ? 'batch' : 'sample'),
  stateDict: {
    namesOf: 'MONAI’s SegResNet (variant suprem) or SegResNetDS (ct-fm)',
    loadsStrictly: true,
    encoder: /^(convInit|down_layers|encoder)\./,
    output: /^(conv_final\.2|up_layers\.\d+\.head)\./,
    names: NAMES,
    infer,
    turn: () => undefined,
    renamings: [
      {
        where: /^backbone\.(conv_init|layers)\./,
        pattern: /^backbone\./,
        by: 'encoder.',
        text: '"backbone." renamed to "encoder."',
      },
      {
        where: /^conv_init\./,
        pattern: /^(conv_init|layers)\./,
        by: 'encoder.$1.',
        text: 'prefix "encoder." added',
      },
    ],
  },
} as const satisfies NetworkDescriptor<SegResNetSection>;

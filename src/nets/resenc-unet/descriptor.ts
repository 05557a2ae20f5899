import type { FromSchema } from 'json-schema-to-ts';
import { error, triple, type Problem } from '../../schema';
import { inChannels, strideProblem, type NetworkDescriptor } from '../descriptor';
import { aliases, inferred, NAMES } from './names';
import { nnsslOf } from './nnssl';
import { shortened, stagesOf } from './topology';

const MOST_STAGES = 9;
/** A number for each stage; the last holds for those that are left out. */
const perStage = <const Item>(items: Item) => ({ type: 'array', items, minItems: 1, maxItems: MOST_STAGES }) as const;

const schema = {
  type: 'object',
  title: 'Residual encoder U-Net',
  additionalProperties: false,
  examples: [{ name: 'resenc-unet' }],
  properties: {
    name: {
      type: 'string',
      const: 'resenc-unet',
      default: 'resenc-unet',
      description:
        "nnU-Net's residual encoder U-Net (ResEnc). Its presets M, L and XL are this one network with other patches and batches.",
      examples: ['resenc-unet'],
    },
    stages: {
      type: 'integer',
      minimum: 2,
      maximum: MOST_STAGES,
      default: 6,
      description:
        'Resolutions of the encoder. nnU-Net plans as many as leave at least 4 voxels a side of a patch: 6 for 128³ to 192³, 7 for larger ones. nnssl: 6.',
      examples: [6, 7, 5],
    },
    features: {
      ...perStage({ type: 'integer', minimum: 1, maximum: 2048 }),
      default: [32, 64, 128, 256, 320],
      description:
        'Channels of each stage, from fine to coarse; the last number holds for the stages that follow. ResEnc-M, -L and -XL: twice those before, at most 320. Cost grows with their square.',
      examples: [
        [32, 64, 128, 256, 320],
        [16, 32, 64, 128, 160],
        [8, 16, 32, 64, 80],
      ],
    },
    blocks: {
      ...perStage({ type: 'integer', minimum: 1, maximum: 64 }),
      default: [1, 3, 4, 6],
      description:
        'Residual blocks of each stage; the last number holds for the stages that follow. ResEnc-M, -L and -XL: 1, 3, 4, 6, 6, 6.',
      examples: [
        [1, 3, 4, 6],
        [1, 2],
      ],
    },
    kernels: {
      ...perStage(triple({ type: 'integer', minimum: 1, maximum: 11 })),
      default: [[3, 3, 3]],
      description:
        'Kernel of the convolutions of each stage along the axes; the last one holds for the stages that follow. For thick slices nnU-Net plans 1 along the axis of the slices first.',
      examples: [[[3, 3, 3]], [[3, 3, 1], [3, 3, 3]]], // prettier-ignore
    },
    strides: {
      ...perStage(triple({ type: 'integer', minimum: 1, maximum: 4 })),
      default: [[1, 1, 1], [2, 2, 2]], // prettier-ignore
      description:
        'Step of each stage along the axes: 2 halves the resolution. The first is 1, 1, 1; the last one holds for the stages that follow.',
      examples: [[[1, 1, 1], [2, 2, 2]], [[1, 1, 1], [2, 2, 1], [2, 2, 2]]], // prettier-ignore
    },
    decoderConvs: {
      ...perStage({ type: 'integer', minimum: 1, maximum: 16 }),
      default: [1],
      description:
        'Convolutions of each step of the decoder, the deepest first; the last number holds for the steps that follow. ResEnc-M, -L and -XL: 1.',
      examples: [[1], [2]],
    },
    convBias: {
      type: 'boolean',
      default: true,
      description: 'A bias in each convolution, as in all of the presets of nnU-Net and nnssl.',
      examples: [true],
    },
    inChannels,
  },
} as const;

export type ResEncSection = FromSchema<typeof schema>;

const LISTS = ['features', 'blocks', 'kernels', 'strides', 'decoderConvs'] as const;

/** Entries of a list that are looked at. */
const most = (key: (typeof LISTS)[number], { stages }: ResEncSection): number =>
  key === 'decoderConvs' ? stages - 1 : stages;

function rules(section: ResEncSection): Problem[] {
  const { stages } = section;
  const tooLong = LISTS.flatMap((key) => {
    const [list, used] = [section[key], most(key, section)];
    // A default is for any number of stages.
    const isDefault = JSON.stringify(list) === JSON.stringify(schema.properties[key].default);
    if (list.length <= used || isDefault) return [];
    const of = key === 'decoderConvs' ? `${used} ${used === 1 ? 'step' : 'steps'} of the decoder` : `${used} stages`;
    return [error([key], `has ${list.length} entries for the ${of} of network.stages ${stages}`, list.slice(0, used))];
  });
  const even = section.kernels.flatMap((kernel, i) =>
    kernel.flatMap((edge, axis) =>
      edge % 2 === 1 ? [] : [error(['kernels', i, axis], `must be odd, is ${edge}`, edge + 1)],
    ),
  );
  const first = section.strides[0]!;
  const stepped = first.some((step) => step !== 1)
    ? [error(['strides', 0], `must be [1, 1, 1]: the first stage has the resolution of the input`, [1, 1, 1])]
    : [];
  return [...tooLong, ...even, ...stepped];
}

const strideOf = (section: ResEncSection) => stagesOf(section).at(-1)!.total;

/** nnU-Net's residual encoder U-Net (dynamic-network-architectures, `ResidualEncoderUNet`), with its names and shapes of weights. */
export const resencUnet = {
  name: 'resenc-unet',
  title: schema.title,
  schema,
  summary: (section) =>
    `${section.stages} stages, ${section.features[0]} to ${stagesOf(section).at(-1)!.channels} channels`,
  sizes: {
    demo: { stages: 5, features: [8, 16, 32, 64, 80], blocks: [1, 2] },
    small: { stages: 5, features: [16, 32, 64, 128, 160], blocks: [1, 2, 3, 4] },
    full: {},
  },
  sizeKey: 'features',
  stride: strideOf,
  sizeProblem: (section, size) => strideProblem(section.name, strideOf(section), size),
  normal: (section) => ({
    ...section,
    ...(Object.fromEntries(LISTS.map((key) => [key, shortened<unknown>(section[key].slice(0, most(key, section)))])) as Pick<ResEncSection, (typeof LISTS)[number]>), // prettier-ignore
  }),
  rules,
  masking: ['voxels'],
  reach: () => 'sample',
  stateDict: {
    namesOf: 'nnU-Net’s ResidualEncoderUNet',
    loadsStrictly: true,
    encoder: /^encoder\./,
    output: /^decoder\.seg_layers\./,
    names: NAMES,
    infer: (shapes) => inferred(shapes) as Partial<ResEncSection> | undefined,
    aliases,
    turn: () => undefined,
    nnssl: (section) => nnsslOf(section),
    renamings: [],
  },
} as const satisfies NetworkDescriptor<ResEncSection>;

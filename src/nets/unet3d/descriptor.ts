import type { FromSchema } from 'json-schema-to-ts';
import type { Vec3 } from '../../geometry';
import { quadruple } from '../../schema';
import { inChannels, strideProblem, type NetworkDescriptor } from '../descriptor';

/** Keys of another network that configs of earlier runs have filled in: accepted, without effect. */
const unused = { deprecated: true, description: 'Without effect: a key of swin-unetr.' } as const;
const four = quadruple({ type: 'integer', minimum: 1, maximum: 64 });

const schema = {
  type: 'object',
  title: '3D U-Net',
  additionalProperties: false,
  examples: [{ name: 'unet3d', featureSize: 32 }],
  properties: {
    name: {
      type: 'string',
      const: 'unet3d',
      default: 'unet3d',
      description: "3D U-Net, the paper's second backbone.",
      examples: ['unet3d'],
    },
    featureSize: {
      type: 'integer',
      minimum: 4,
      maximum: 384,
      default: 48,
      description:
        'Channels of the first level; each of the five levels has twice those before. Cost grows with its square.',
      examples: [32, 8, 48],
    },
    inChannels,
    useV2: { type: 'boolean', ...unused, examples: [true] },
    depths: { ...four, ...unused, examples: [[2, 2, 2, 2]] },
    heads: { ...four, ...unused, examples: [[3, 6, 12, 24]] },
  },
} as const;

export type UnetSection = FromSchema<typeof schema>;

/** Five levels, each at half the resolution of the one before. */
const STRIDE: Vec3 = [16, 16, 16];

const NAMES = /^(encoder\.[0-4]\.conv[12]\.weight|decoder\.[0-3]\.(up|conv1|conv2)\.weight|out\.(weight|bias))$/;

function infer(shapes: ReadonlyMap<string, readonly number[]>): Partial<UnetSection> | undefined {
  const [first, last] = [shapes.get('encoder.0.conv1.weight'), shapes.get('encoder.4.conv2.weight')];
  if (first?.length !== 5 || last?.length !== 5) return undefined;
  return { featureSize: first[0]!, inChannels: first[1]! };
}

/** A 3D U-Net as nnU-Net builds them, of two convolutions a level; names of weights are our own. */
export const unet3d = {
  name: 'unet3d',
  title: schema.title,
  schema,
  summary: ({ featureSize }) => `feature size ${featureSize}`,
  sizes: { demo: { featureSize: 8 }, small: { featureSize: 16 }, full: { featureSize: 32 } },
  sizeKey: 'featureSize',
  stride: () => STRIDE,
  sizeProblem: ({ name }, size) => strideProblem(name, STRIDE, size),
  rules: () => [],
  masking: ['voxels'],
  reach: () => 'sample',
  stateDict: {
    namesOf: 'VoCo for VS Code’s 3D U-Net',
    encoder: /^encoder\./,
    output: /^out\./,
    names: NAMES,
    infer,
    turn: () => undefined,
    renamings: [],
  },
} as const satisfies NetworkDescriptor<UnetSection>;

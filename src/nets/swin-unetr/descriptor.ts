import type { FromSchema } from 'json-schema-to-ts';
import type { Vec3 } from '../../geometry';
import { error, quadruple } from '../../schema';
import { inChannels, strideProblem, type NetworkDescriptor } from '../descriptor';

const schema = {
  type: 'object',
  title: 'Swin-UNETR',
  additionalProperties: false,
  examples: [{ name: 'swin-unetr', featureSize: 48 }],
  properties: {
    name: {
      type: 'string',
      const: 'swin-unetr',
      default: 'swin-unetr',
      description: "Swin-UNETR, the paper's main backbone.",
      examples: ['swin-unetr'],
    },
    featureSize: {
      type: 'integer',
      minimum: 4,
      maximum: 384,
      default: 48,
      description:
        'Channels of the first stage, a multiple of 12. Released models: 48 (base), 96 (large), 192 (huge). Cost grows with ' +
        'its square.',
      examples: [48, 12, 96, 192],
    },
    useV2: {
      type: 'boolean',
      default: true,
      description: 'SwinUNETR-V2: a residual convolution block before each Swin stage, as in the released models.',
      examples: [true],
    },
    depths: {
      ...quadruple({ type: 'integer', minimum: 1, maximum: 64 }),
      default: [2, 2, 2, 2],
      description: 'Transformer blocks in each of the four Swin stages. Released models: 2, 2, 2, 2.',
      examples: [[2, 2, 2, 2]],
    },
    heads: {
      ...quadruple({ type: 'integer', minimum: 1, maximum: 64 }),
      default: [3, 6, 12, 24],
      description: 'Attention heads in each of the four Swin stages; each must divide the channels of its stage.',
      examples: [[3, 6, 12, 24]],
    },
    inChannels,
  },
} as const;

export type SwinSection = FromSchema<typeof schema>;

/** Five halvings: the patch embedding and four patch mergings. */
const STRIDE: Vec3 = [32, 32, 32];

const NAMES = new RegExp(
  [
    String.raw`^(swinViT\.patch_embed\.proj\.(weight|bias)`,
    String.raw`swinViT\.layers[1-4]\.0\.blocks\.\d+\.(norm[12]|attn\.(qkv|proj)|mlp\.linear[12])\.(weight|bias)`,
    String.raw`swinViT\.layers[1-4]\.0\.blocks\.\d+\.attn\.relative_position_(bias_table|index)`,
    String.raw`swinViT\.layers[1-4]\.0\.downsample\.(reduction\.weight|norm\.(weight|bias))`,
    String.raw`swinViT\.layers[1-4]c\.0\.layer\.conv[123]\.conv\.weight`,
    String.raw`encoder(1|2|3|4|10)\.layer\.conv[123]\.conv\.weight`,
    String.raw`decoder[1-5]\.(transp_conv|conv_block\.conv[123])\.conv\.weight`,
    String.raw`out\.conv\.conv\.(weight|bias))$`,
  ].join('|'),
);

const STAGES = [1, 2, 3, 4] as const;
type Quadruple = [number, number, number, number];

/** The section of MONAI's SwinUNETR in three dimensions, from the shapes of its transformer. */
function infer(shapes: ReadonlyMap<string, readonly number[]>): Partial<SwinSection> | undefined {
  const embedding = shapes.get('swinViT.patch_embed.proj.weight');
  const tables = STAGES.map((stage) =>
    shapes.get(`swinViT.layers${stage}.0.blocks.0.attn.relative_position_bias_table`),
  );
  if (embedding?.length !== 5 || tables.some((table) => table?.length !== 2)) return undefined;
  const blocks = (stage: number): number => {
    let count = 0;
    while (shapes.has(`swinViT.layers${stage}.0.blocks.${count}.norm1.weight`)) count += 1;
    return count;
  };
  return {
    featureSize: embedding[0]!,
    useV2: shapes.has('swinViT.layers1c.0.layer.conv1.conv.weight'),
    depths: STAGES.map(blocks) as Quadruple,
    heads: tables.map((table) => table![1]!) as Quadruple,
    inChannels: embedding[1]!,
  };
}

/** Swin-UNETR and its second version (MONAI networks/nets/swin_unetr.py), with MONAI's names and shapes of weights. */
export const swinUnetr = {
  name: 'swin-unetr',
  title: schema.title,
  schema,
  summary: ({ featureSize }) => `feature size ${featureSize}`,
  sizes: { demo: { featureSize: 12 }, small: { featureSize: 24 }, full: { featureSize: 48 } },
  sizeKey: 'featureSize',
  stride: () => STRIDE,
  sizeProblem: ({ name }, size) => strideProblem(name, STRIDE, size),
  rules({ featureSize, heads }) {
    const nearest = Math.max(12, Math.round(featureSize / 12) * 12);
    const odd = error(['featureSize'], `must be a multiple of 12 for swin-unetr, is ${featureSize}`, nearest);
    const undivided = heads.flatMap((count, stage) => {
      const channels = featureSize * 2 ** stage;
      const message = `${count} heads do not divide the ${channels} channels of stage ${stage + 1} (featureSize ${featureSize})`;
      return channels % count === 0 ? [] : [error(['heads', stage], message)];
    });
    return [...(featureSize % 12 === 0 ? [] : [odd]), ...undivided];
  },
  masking: ['tokens'],
  reach: () => 'sample',
  stateDict: {
    namesOf: 'MONAI’s SwinUNETR',
    loadsStrictly: true,
    encoder: /^(swinViT|encoder\d+)\./,
    output: /^out\./,
    names: NAMES,
    infer,
    renamings: [
      {
        where: /(^|\.)swin_vit\./,
        pattern: /(^|\.)swin_vit\./,
        by: '$1swinViT.',
        text: '"swin_vit" renamed to "swinViT"',
      },
      {
        where: /^encoder\.patch_embed\./,
        pattern: /^encoder\.(layers\d\.0\.)\d\./,
        by: 'encoder.$1',
        text: 'layout of MONAI’s ssl_pretrained_weights',
      },
      {
        where: /^encoder\.patch_embed\./,
        pattern: /^encoder\./,
        by: 'swinViT.',
        text: '"encoder." renamed to "swinViT."',
      },
      {
        where: /^patch_embed\.proj\./,
        pattern: /^(patch_embed|layers\d\w*|norm|pos_drop)\./,
        by: 'swinViT.$1.',
        text: 'prefix "swinViT." added',
      },
      {
        where: /(^|\.)swinViT\./,
        pattern: /\.mlp\.fc([12])\./,
        by: '.mlp.linear$1.',
        text: '"mlp.fc" renamed to "mlp.linear"',
      },
    ],
  },
} as const satisfies NetworkDescriptor<SwinSection>;

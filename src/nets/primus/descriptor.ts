import type { Vec3 } from '../../geometry';
import { formatSize } from '../../text';
import type { NetworkDescriptor } from '../descriptor';
import { gridOf, normalSection, primusRules, PUBLISHED, sizeOf, sizeProblem, type PublishedName } from './rules';
import { primusSchema, type PrimusSection } from './schema';
import { nnsslOf } from './nnssl';
import { turnPrimus } from './turn';

export type { PrimusSection };

const NORM = String.raw`(norm[12]|attn\.norm|mlp\.norm)\.(weight|bias)`;
const DENSE = String.raw`(attn\.(q_proj|k_proj|v_proj|proj)|mlp\.(fc1_g|fc1_x|fc2))\.(weight|bias)`;

const NAMES = new RegExp(
  [
    String.raw`^(mask_token|down_projection\.proj\.(weight|bias)`,
    String.raw`up_projection\.decode\.\d+\.([01]\.)?(weight|bias)`,
    String.raw`eva\.(pos_embed|norm\.(weight|bias)|blocks\.\d+\.(gamma_[12]|${NORM}|${DENSE})))$`,
  ].join('|'),
);

/** The section of a Primus from its shapes; heads cannot be told but for the published sizes. */
function infer(shapes: ReadonlyMap<string, readonly number[]>): Partial<PrimusSection> | undefined {
  const kernel = shapes.get('down_projection.proj.weight');
  if (kernel?.length !== 5 || shapes.get('eva.blocks.0.attn.q_proj.weight')?.length !== 2) return undefined;
  let depth = 0;
  while (shapes.has(`eva.blocks.${depth}.norm1.weight`)) depth += 1;
  const [embedDim, inputs, ...patch] = kernel as [number, number, number, number, number];
  const named = (Object.keys(PUBLISHED) as PublishedName[]).find(
    (name) => PUBLISHED[name].embedDim === embedDim && PUBLISHED[name].depth === depth,
  );
  return {
    ...(named ? { size: named } : { size: null, embedDim, depth }),
    patch: patch as PrimusSection['patch'],
    ...(!shapes.has('eva.blocks.0.gamma_1') && { layerScale: null }),
    innerNorm: shapes.has('eva.blocks.0.attn.norm.weight'),
    inChannels: inputs,
  };
}

/** Primus (Wald et al. 2025; dynamic-network-architectures, architectures/primus.py), with its names and shapes of weights. */
export const primus = {
  name: 'primus',
  title: primusSchema.title,
  schema: primusSchema,
  summary(section) {
    const { embedDim, depth } = sizeOf(section);
    const size = section.size === null ? `${embedDim} channels, ${depth} blocks` : `size ${section.size}`;
    return `${size}, crops of ${formatSize(section.crop as Vec3)}`;
  },
  sizes: {
    demo: { size: null, embedDim: 96, depth: 3, heads: 4, crop: [32, 32, 32] },
    small: { size: null, embedDim: 192, depth: 8, heads: 4, crop: [64, 64, 64] },
    full: { size: 'M', crop: [160, 160, 160] },
  },
  sizeKey: 'size',
  stride: ({ patch }) => patch as Vec3,
  sizeProblem,
  normal: normalSection,
  rules: primusRules,
  masking: ['tokens', 'fewer-tokens'],
  tokenSize: ({ patch }) => patch as Vec3,
  training: {
    optimizer: { name: 'adamw', weightDecay: 0.05, betas: [0.9, 0.98], amsgrad: false, clipNorm: 1 },
    lr: { demo: 0.001, small: 0.0005, full: 0.0003 },
    warmup: 0.05,
  },
  evenLayers: true,
  reach: () => 'sample',
  stateDict: {
    namesOf: 'Primus of dynamic-network-architectures',
    loadsStrictly: true,
    encoder: /^(down_projection|eva)\./,
    // The widths of the decoder depend on what it gives; the token is never trained.
    output: /^(up_projection\.|mask_token$)/,
    names: NAMES,
    infer,
    positions: { name: 'eva.pos_embed', grid: (section: PrimusSection) => gridOf(section) },
    turn: turnPrimus,
    nnssl: nnsslOf,
    renamings: [],
  },
} as const satisfies NetworkDescriptor<PrimusSection>;

import { networkDescriptors } from '../../nets/descriptors';

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Looks into the tensors of a file. Patterns fit the end of names, so that no prefix matters. */
class Tensors {
  constructor(private readonly list: readonly Named[]) {}

  has(end: string): boolean {
    return this.shape(end) !== undefined;
  }

  /** Shape of the first tensor whose name ends so. */
  shape(end: string): readonly number[] | undefined {
    const pattern = new RegExp(`(^|\\.)${end}$`);
    return this.list.find(({ name }) => pattern.test(name))?.shape;
  }

  /** How many different numbers stand in the place of the group. */
  count(start: string): number {
    const pattern = new RegExp(`(?:^|\\.)${start}`);
    return new Set(this.list.flatMap(({ name }) => pattern.exec(name)?.[1] ?? [])).size;
  }

  /** Spatial dimensions of the kernels: 2 or 3; undefined where there are none. */
  get dimensions(): number | undefined {
    const ranks = [4, 5].map((rank) => this.list.filter(({ shape }) => shape.length === rank).length);
    return ranks[0]! + ranks[1]! === 0 ? undefined : ranks[0]! > ranks[1]! ? 2 : 3;
  }
}

interface Architecture {
  /** "a plain vision transformer (ViT)". */
  readonly title: string;
  /** Ends of names that all of its files have; no other architecture above it in the table has them all. */
  readonly needs: readonly string[];
  facts?(tensors: Tensors): string;
}

const by = (sizes: readonly number[] | undefined): string => sizes?.join('×') ?? '?';
const range = (widths: readonly number[]): string => `${widths[0]} to ${widths.at(-1)} channels`;

function vit(embedding: string, block: string): (tensors: Tensors) => string {
  return (tensors) => {
    const kernel = tensors.shape(embedding);
    // A linear layer takes a patch as one row: its side is known where there is one channel.
    const side = Math.round(Math.cbrt(kernel?.[1] ?? 0));
    const cube = kernel?.length === 2 && side ** 3 === kernel[1] ? [side, side, side] : [];
    const patch = kernel && kernel.length > 2 ? kernel.slice(2) : cube;
    const facts = `${tensors.count(block)} blocks, ${kernel?.[0]} channels`;
    return patch.length > 0 ? `${facts}, patches of ${by(patch)}` : facts;
  };
}

/** Widths and blocks of nnU-Net's encoder stages. */
function stages(tensors: Tensors, kernel: (stage: number) => string): number[] {
  const widths: number[] = [];
  for (
    let width = tensors.shape(kernel(0))?.[0];
    width !== undefined;
    width = tensors.shape(kernel(widths.length))?.[0]
  )
    widths.push(width);
  return widths;
}

const RESENC_L = '32,64,128,256,320,320:1,3,4,6,6,6';

function resEnc(tensors: Tensors): string {
  const widths = stages(tensors, (stage) => `encoder\\.stages\\.${stage}\\.blocks\\.0\\.conv1\\.conv\\.weight`);
  const blocks = widths.map((_, stage) => tensors.count(`encoder\\.stages\\.${stage}\\.blocks\\.(\\d+)\\.`));
  const preset = `${widths.join()}:${blocks.join()}` === RESENC_L ? 'the sizes of ResEnc-M, -L and -XL: ' : '';
  return `${preset}${widths.length} stages of ${blocks.join(', ')} blocks, ${range(widths)}`;
}

function plainUnet(tensors: Tensors): string {
  const widths = stages(tensors, (stage) => `encoder\\.stages\\.${stage}\\.0\\.convs\\.0\\.conv\\.weight`);
  return `${widths.length} stages, ${range(widths)}`;
}

const swinFacts = (tensors: Tensors): string => `feature size ${tensors.shape('patch_embed\\.proj\\.weight')?.[0]}`;

/** Networks of others that people have weights of, one line each; the first that fits is told. */
const ARCHITECTURES: readonly Architecture[] = [
  { title: 'a UNETR of MONAI', needs: ['vit\\.blocks\\.0\\.attn\\.qkv\\.weight', 'encoder2\\.transp_conv_init\\.conv\\.weight'], facts: vit('patch_embeddings(?:\\.1)?\\.weight', 'vit\\.blocks\\.(\\d+)\\.') },
  { title: 'a SwinUNETR of MONAI', needs: ['swinViT\\.layers1\\.0\\.blocks\\.0\\.attn\\.qkv\\.weight'], facts: swinFacts },
  { title: 'a Swin transformer as MONAI’s SwinUNETR has it', needs: ['layers1\\.0(?:\\.0)?\\.blocks\\.0\\.attn\\.relative_position_bias_table', 'patch_embed\\.proj\\.weight'], facts: swinFacts },
  { title: 'a Swin transformer of timm', needs: ['layers\\.0\\.blocks\\.0\\.attn\\.relative_position_bias_table', 'patch_embed\\.proj\\.weight'], facts: swinFacts },
  { title: 'nnFormer', needs: ['encoder\\.down_layers\\.0\\.blocks\\.0\\.attn\\.relative_position_bias_table'] },
  { title: 'a Segment Anything network (SAM)', needs: ['image_encoder\\.blocks\\.0\\.attn\\.qkv\\.weight'] },
  { title: 'a masked autoencoder (MAE) on a vision transformer', needs: ['decoder_blocks\\.0\\.attn\\.qkv\\.weight'], facts: vit('(?:patch_embed\\.proj|patch_embeddings(?:\\.1)?)\\.weight', '(?<!decoder_)blocks\\.(\\d+)\\.') },
  { title: 'a plain vision transformer (ViT) of MONAI', needs: ['blocks\\.0\\.attn\\.qkv\\.weight', 'patch_embeddings(?:\\.1)?\\.weight'], facts: vit('patch_embeddings(?:\\.1)?\\.weight', 'blocks\\.(\\d+)\\.') },
  { title: 'a plain vision transformer (ViT) of timm', needs: ['blocks\\.0\\.attn\\.qkv\\.weight', 'patch_embed\\.proj\\.weight'], facts: vit('patch_embed\\.proj\\.weight', 'blocks\\.(\\d+)\\.') },
  { title: 'a plain vision transformer (ViT) of Hugging Face', needs: ['layer\\.0\\.attention\\.attention\\.query\\.weight'], facts: vit('projection\\.weight', 'layer\\.(\\d+)\\.') },
  { title: 'a plain vision transformer (ViT) of torchvision', needs: ['encoder_layer_0\\.self_attention\\.in_proj_weight'], facts: vit('conv_proj\\.weight', 'encoder_layer_(\\d+)\\.') },
  { title: 'Primus, nnU-Net’s transformer', needs: ['eva\\.blocks\\.0\\.attn\\.q_proj\\.weight', 'down_projection\\.proj\\.weight'], facts: vit('down_projection\\.proj\\.weight', 'eva\\.blocks\\.(\\d+)\\.') },
  { title: 'nnU-Net’s residual encoder U-Net (ResEnc)', needs: ['encoder\\.stages\\.0\\.blocks\\.0\\.conv1\\.conv\\.weight'], facts: resEnc },
  { title: 'nnU-Net’s PlainConvUNet', needs: ['encoder\\.stages\\.0\\.0\\.convs\\.0\\.conv\\.weight'], facts: plainUnet },
  { title: 'the U-Net of nnU-Net 1', needs: ['conv_blocks_context\\.0\\.blocks\\.0\\.conv\\.weight'] },
  { title: 'a STU-Net', needs: ['conv_blocks_context\\.0\\.0\\.conv1\\.weight'] },
  { title: 'a SegResNet of MONAI', needs: ['convInit\\.conv\\.weight', 'down_layers\\.0\\.1\\.conv1\\.conv\\.weight'], facts: (t) => `${t.shape('convInit\\.conv\\.weight')?.[0]} initial filters, ${t.count('down_layers\\.(\\d+)\\.')} levels` },
  { title: 'a SegResNetDS or SegResEncoder of MONAI', needs: ['conv_init\\.weight', 'layers\\.0\\.blocks\\.0\\.conv1\\.weight'], facts: (t) => `${t.shape('conv_init\\.weight')?.[0]} initial filters, ${t.count('(?<!up_)layers\\.(\\d+)\\.')} levels` },
  { title: 'a MedNeXt', needs: ['enc_stages\\.0\\.0\\.conv1\\.weight'] },
  { title: 'a MedNeXt', needs: ['enc_block_0\\.0\\.conv1\\.weight'] },
  { title: 'the 3D U-Net of Models Genesis', needs: ['down_tr64\\.ops\\.0\\.conv1\\.weight'] },
  { title: 'a DynUNet of MONAI', needs: ['input_block\\.conv1\\.conv\\.weight', 'input_block\\.norm1\\.weight'] },
  { title: 'a BasicUNet of MONAI', needs: ['conv_0\\.conv_0\\.conv\\.weight'] },
  { title: 'a U-Net of MONAI', needs: ['model\\.0\\.conv\\.unit0\\.conv\\.weight'] },
  { title: 'an AttentionUnet of MONAI', needs: ['model\\.0\\.conv\\.0\\.conv\\.weight'] },
  { title: 'a V-Net', needs: ['in_tr\\.conv_block\\.conv\\.weight'] },
  { title: 'a ResNet', needs: ['layer1\\.0\\.conv1\\.weight', 'layer4\\.0\\.conv1\\.weight'] },
  { title: 'a DenseNet', needs: ['features\\.denseblock1\\.denselayer1\\.\\S*conv1\\.weight'] },
  { title: 'a ConvNeXt', needs: ['stages\\.0\\.blocks\\.0\\.conv_dw\\.weight'] },
  { title: 'an EfficientNet', needs: ['conv_stem\\.weight'] },
]; // prettier-ignore

/** What a file's tensors are, as far as their names and shapes tell. */
export interface Recognised {
  /** "swin-unetr, feature size 48", "a plain vision transformer (ViT) of timm: 12 blocks, …". */
  readonly text: string;
  /** Its kernels have two dimensions: no network of ours has. */
  readonly isFlat?: boolean;
  /** The section of one of our networks, where it is one. */
  readonly section?: Readonly<Record<string, unknown>> & { readonly name: string };
}

/** The one of our networks whose tensors these are, by its own names. */
function ownNetwork(tensors: readonly Named[]): Recognised | undefined {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  for (const descriptor of networkDescriptors.all) {
    const section = descriptor.stateDict.infer?.(shapes);
    if (!section) continue;
    const keys = Object.entries(section).filter(([key]) => key !== 'name');
    const text = keys.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(', ');
    return { text: `${descriptor.name}: ${text}`, section: { ...section, name: descriptor.name } };
  }
  return undefined;
}

/** A list that an averaging of weights has saved: only the order tells what its tensors are. */
const UNNAMED =
  'a list of tensors without names, as averages (EMA) are saved by some programs; in Python, copy them into the model and save its state_dict()';

/** Names the architecture of tensors; undefined where it is none of the table's. */
export function recognise(tensors: readonly Named[]): Recognised | undefined {
  const own = ownNetwork(tensors);
  if (own) return own;
  if (tensors.length > 1 && tensors.every(({ name }) => /^\d+$/.test(name))) return { text: UNNAMED };
  const looked = new Tensors(tensors);
  const isFlat = looked.dimensions === 2;
  const flat = isFlat ? ', for images in 2D' : '';
  const found = ARCHITECTURES.find(({ needs }) => needs.every((end) => looked.has(end)));
  if (!found) return isFlat ? { text: 'a network for images in 2D', isFlat } : undefined;
  const facts = found.facts?.(looked);
  return { text: `${found.title}${flat}${facts ? ` (${facts})` : ''}`, isFlat };
}

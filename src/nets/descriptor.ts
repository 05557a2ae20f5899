/** What the light half of a network is written with: no tensor library, so that the editor can load it. */
import { mapVec3, type Vec3 } from '../geometry';
import { count, formatPath, type ConfigPath, type Problem, type SchemaNode } from '../schema';

/** What every `network` section has. */
export interface NetworkSection {
  readonly name: string;
  readonly inChannels: number;
}

/** Of what size a preset is: for a demo of minutes, for a small machine, or as authors publish it. */
export type PresetSize = 'demo' | 'small' | 'full';

/** Keys of a preset that follow from its network. */
export interface PresetTraining {
  /** The section `optimizer`, without the learning rate. */
  readonly optimizer: object;
  readonly lr: Readonly<Record<PresetSize, number>>;
  /** Share of the steps in which the rate rises, where the preset has no warm-up. */
  readonly warmup: number;
}

/** The schema of a network's section: closed, and told from the others by the constant of `name`. */
export interface SectionSchema extends SchemaNode {
  readonly type: 'object';
  readonly title: string;
  readonly additionalProperties: false;
  /** A section that shows what is usually set. */
  readonly examples: readonly [object, ...object[]];
  readonly properties: Readonly<Record<string, SchemaNode>> & {
    readonly name: SchemaNode & { readonly const: string; readonly default: string; readonly description: string };
    readonly inChannels: SchemaNode;
  };
}

/** Why a crop of a size cannot pass through a network ("every axis must be …"), and a size near it that can. */
export interface SizeProblem {
  readonly message: string;
  readonly nearest: Vec3;
  /** The key of the section, and a value of it, with which the network can take the size as it is. */
  readonly key?: { readonly path: ConfigPath; readonly value: unknown };
}

/** Brings names of a network's authors to those of its state dict. */
export interface Renaming {
  /** Applied only where some name of the file fits this. */
  readonly where: RegExp;
  readonly pattern: RegExp;
  readonly by: string;
  /** What was done, for people. */
  readonly text: string;
}

/**
 * Other names of the same tensors: a network elsewhere registers some of its modules more than once, and so has more keys in its
 * state dict than tensors. Our names are those that come first.
 */
export interface Aliases {
  /** Our name of the tensor that a key of the network elsewhere stands for; a key that is no other name is given back. */
  nameOf(key: string): string;
  /**
   * Every key of the network elsewhere in the order of its state dict, from our names in the order of ours: all of the network, or
   * a part of it. A file may hold different values for one tensor's keys: the last of these keys that it has counts, as when
   * PyTorch loads it.
   */
  keysOf(names: readonly string[]): { readonly key: string; readonly name: string }[];
}

/** A tensor of a state dict. */
export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A network as nnssl and nnU-Net have it: what a plan of theirs says of it. Its axes are those of their arrays, z, y, x. */
export interface NnsslArchitecture {
  /** One of nnssl's names. */
  readonly name: string;
  /** Arguments of a network that the name alone does not tell, and which of them are dotted names of Python's. */
  readonly kwargs: Readonly<Record<string, unknown>> | null;
  readonly imports: readonly string[] | null;
  /** What fine-tuning takes over: beginnings of names in the state dict. */
  readonly encoder: string;
  readonly stem: string;
  /** Names of the layers whose kernels depend on the input's channels. */
  readonly inputs: readonly string[];
  /** Name of the learnt positions. */
  readonly positions: string | null;
}

/** Where the rows of a tensor along one of its dimensions come from: row i from row `order[i]`. */
export interface Rows {
  readonly dimension: number;
  readonly order: Int32Array;
}

/** The order of the axes of space in which weights are wanted. */
export interface Turning<Section> {
  /** Of the network that comes out. */
  readonly section: Section;
  /** Which axis of the network that goes in each of those that come out is. */
  readonly axes: Vec3;
  /** Size of the crops that the weights have learned from, along the axes that come out, where it is known. */
  readonly crop?: Vec3 | undefined;
}

/**
 * The light half of a network: all that can be said of it without building it. `section` is the config's `network` section
 * with every default filled in.
 */
export interface NetworkDescriptor<Section extends NetworkSection = NetworkSection> {
  readonly name: string;
  /** For people: "Swin-UNETR". */
  readonly title: string;
  readonly schema: SectionSchema;
  /** Keys of the section beside the name, for each size of preset. */
  readonly sizes: Readonly<Record<PresetSize, object>>;
  /** Its size in a few words: "feature size 48". */
  summary(section: Section): string;
  /** The key of the section that makes it smaller or larger, for advice. */
  readonly sizeKey: string;
  /** Voxels of the input for each voxel of the coarsest features, along each axis. */
  stride(section: Section): Vec3;
  /** What is wrong with a size of crops. */
  sizeProblem(section: Section, size: Vec3): SizeProblem | undefined;
  /** The section in the form in which any two that build the same network are equal; without it they are equal as they are. */
  normal?(section: Section): Section;
  /** Keys of the section that contradict each other; paths start at the section. */
  rules(section: Section): Problem[];
  /**
   * How its encoder can leave out what a pretext task hides: by voxels (SparK), by another token in the place of a patch (SimMIM), or by
   * getting fewer tokens (MAE).
   */
  readonly masking: readonly ('voxels' | 'tokens' | 'fewer-tokens')[];
  /** Voxels of a token, where pretext tasks hide whole ones. */
  tokenSize?(section: Section): Vec3;
  /** How its authors train it, for presets that were made for another network. */
  readonly training?: PresetTraining;
  /**
   * All of its layers keep about as much for the backward pass and have about as many parameters, as blocks of a transformer: when half of
   * the gradients are there, half of what was kept is gone. (Convolutions keep most where they have the fewest parameters.)
   */
  readonly evenLayers?: boolean;
  /**
   * How far one crop of a batch acts on the outputs of another: not at all (`sample`: instance, group or layer norm), or
   * through the statistics of the batch (`batch`: batch norm), so that a batch must pass as a whole.
   */
  reach(section: Section): 'sample' | 'batch';
  readonly stateDict: {
    /** Whose names and shapes the tensors have: "MONAI’s SwinUNETR". */
    readonly namesOf: string;
    /** There is such a network elsewhere, and it takes all tensors of ours strictly. */
    readonly loadsStrictly?: boolean;
    /** Fits the names of parameters that pre-training learns and a downstream task takes over. */
    readonly encoder: RegExp;
    /** Fits the names of the last layer, whose outputs mean what one task asks for: no other task takes them over. */
    readonly output: RegExp;
    /** Fits the name of every tensor of the state dict, whatever the network's size. Without it, those of the encoder are known. */
    readonly names?: RegExp;
    /**
     * What tensors with these names and shapes tell of the section: of a file, it tells which network it is for, and which key of
     * a config is not as the weights need it. undefined where they are not of such a network.
     */
    infer?(shapes: ReadonlyMap<string, readonly number[]>): Partial<Section> | undefined;
    /** A tensor (1, places, channels) with a learnt position for each place of a grid, z fastest: another grid's is interpolated. */
    readonly positions?: { readonly name: string; grid(section: Section): Vec3 };
    /**
     * Present where weights can be brought to another order of the axes of space, so that the network computes the same of a
     * volume with its axes in that order. Kernels (out, in, k, k, k) are turned alike in all networks; this says where the rows of
     * another tensor come from, and undefined for one that no order of axes changes.
     *
     * @throws UserError when that cannot be told
     */
    turn?(tensor: NamedShape, how: Turning<Section>): Rows | undefined;
    /** The network as nnssl and nnU-Net have it; undefined where they do not. */
    nnssl?(section: Section): NnsslArchitecture | undefined;
    /** Where the network elsewhere has several names for a tensor. */
    readonly aliases?: Aliases;
    /** What brings names in files of the authors to those of the state dict, one after the other; only whole results count. */
    readonly renamings: readonly Renaming[];
  };
}

/** The key that every network's section has. */
export const inChannels = {
  ...count,
  maximum: 64,
  default: 1,
  description:
    'Channels of the input: 1 for CT or one sequence of MRI, 4 for the four of BraTS with data.channel "all".',
  examples: [1, 4],
} as const;

/** A section with the defaults of the schema where it has no value of its own. */
export function completeSection<Section extends NetworkSection>(schema: SectionSchema, section: object): Section {
  const given = Object.entries(section).filter(([, value]) => value !== undefined);
  const defaults = Object.entries(schema.properties).flatMap(([key, { default: value }]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return Object.fromEntries([...defaults, ...given]) as unknown as Section;
}

/**
 * The rule of networks that halve their input again and again and standardise each channel over space: every axis is a
 * multiple of the stride, and more than one voxel is left at the coarsest scale.
 */
export function strideProblem(name: string, stride: Vec3, size: Vec3): SizeProblem | undefined {
  const single = stride.join() === size.join();
  if (!single && size.every((length, axis) => length > 0 && length % stride[axis]! === 0)) return undefined;
  const whole = mapVec3(size, (length, axis) => Math.max(1, Math.round(length / stride[axis])) * stride[axis]);
  const nearest = whole.join() === stride.join() ? mapVec3(whole, (length) => 2 * length) : whole;
  if (single) {
    const least = 2 * Math.min(...stride);
    const message = `one axis must be at least ${least} for ${name} (a single voxel is left at its deepest stage)`;
    return { message, nearest };
  }
  const [x, y, z] = stride;
  const message =
    x === y && y === z
      ? `every axis must be a multiple of ${x} for ${name}`
      : `axes must be multiples of ${x}, ${y} and ${z} for ${name}`;
  return { message, nearest };
}

/** A problem of a section in a line: `network.heads[1]: 5 heads do not divide …`. */
export const problemText = ({ path, message }: Problem): string => `${formatPath(['network', ...path])}: ${message}`;

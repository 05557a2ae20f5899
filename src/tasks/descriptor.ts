import type { Vec3 } from '../geometry';
import type { NetworkDescriptor, PresetSize } from '../nets/descriptor';
import type { TaskOutput } from '../labels/tasks';
import type { Problem, SchemaNode, ConfigPath } from '../schema';

/**
 * The light half of a task: what the editor and the config need to know of it. It loads neither the tensor library nor code that
 * reads volumes.
 */
export interface TaskDescriptor {
  readonly name: string;
  /** In a list: "VoCo: volume contrast". */
  readonly title: string;
  /** Related metrics that share a chart, in the order of the panel. A metric in no chart counts as a part of the loss. */
  readonly charts: readonly MetricChart[];
  /** The held-out score by which the best checkpoint is kept. */
  readonly best: BestScore;
  /** Titles of metrics that differ from their names: { dice: "Dice" }. */
  readonly titles: Readonly<Record<string, string>>;
}

/** A score on held-out cases, and which of its values is better. */
export interface BestScore {
  readonly metric: string;
  readonly goal: 'min' | 'max';
}

/** Metrics that share a chart, each with what held-out cases give under the same name. */
export interface MetricChart {
  readonly id: string;
  readonly title: string;
  readonly unit?: string;
  /** Names in metrics.jsonl. A name that ends with "/" stands for all names that begin with it, such as one per class. */
  readonly metrics: readonly string[];
  /** Only what is measured on held-out cases belongs here. */
  readonly heldOutOnly?: boolean;
  /** It is one of the few charts of plot.svg. */
  readonly plotted?: boolean;
  /** Its lines are never smoothed. */
  readonly exact?: boolean;
  /** Range that the axis shows at least. */
  readonly atLeast?: readonly [number, number];
  /** Told where a metric of the training stays below a value: the run learns nothing more. */
  readonly warning?: ChartWarning;
}

export interface ChartWarning {
  readonly metric: string;
  readonly below: number;
  /** What has happened and what to do, as one clause. */
  readonly text: string;
}

/** What a person should know of a training whose steps are all like this; undefined where they are well. */
export function troubleIn(
  charts: readonly MetricChart[],
  scalars: Readonly<Record<string, number>>,
): string | undefined {
  return charts.find(({ warning }) => warning && (scalars[warning.metric] ?? NaN) < warning.below)?.warning!.text;
}

/** A section's schema: closed, and told from the others by the constant of `name`. */
export interface NamedSchema extends SchemaNode {
  readonly properties: Readonly<Record<string, SchemaNode>> & {
    readonly name: SchemaNode & { readonly const: string };
  };
}

/** The parts of a pre-training config that a pretext task's rules look at. */
export interface PretrainSections<Method> {
  readonly method: Method;
  readonly data: { readonly preprocess: { readonly resize: Vec3 | null } };
  readonly train: { readonly batch: number };
  readonly optimizer?: { readonly name: string; readonly lr: number };
}

/** What a preset sets beside the defaults; where the volumes come from is filled in later. */
export interface PretextPreset {
  readonly description: string;
  /** How large it is meant to be, where another network is put into it. */
  readonly size: PresetSize;
  /** Sections of a pre-training config, without `kind` and `data`. */
  readonly config: { readonly name: string; readonly [section: string]: unknown };
  readonly data?: { readonly [key: string]: unknown };
  /** The preset's data set comes with a list of held-out cases. */
  readonly hasValidation?: boolean;
}

/** What passes through the network, and the key that its size follows from. */
export interface NetworkInput {
  readonly path: ConfigPath;
  /** Voxels. */
  readonly size: Vec3;
  /** The key's value for a size of the input, where that is not the size itself; and what the input is called then: "cubes". */
  readonly derived?: { readonly what: string; keyFor(size: Vec3): Vec3 };
}

/** The light half of a pretext task. */
export interface PretextDescriptor<
  Method extends { readonly name: string } = { readonly name: string },
> extends TaskDescriptor {
  /** Its keys of the section `method`, `name` among them. */
  readonly schema: NamedSchema;
  readonly presets: Readonly<Record<string, PretextPreset>>;
  /** What the schema cannot say. */
  rules(config: PretrainSections<Method>): Problem[];
  /** Why a network cannot learn this task ("has no decoder"); absent: every network can. */
  refuses?(network: NetworkDescriptor): string | undefined;
  /** Cubes that it hides, and the key that says their edge in voxels; networks of tokens need whole tokens in each. */
  hides?(method: Method): { readonly path: ConfigPath; readonly edge: number };
  /** The size of what passes through the network, voxels, and where it stands in the config. */
  networkInput(method: Method): NetworkInput;
  /** How a model card says that a network was pre-trained: "with VoCo (volume contrast, CVPR 2024)". */
  readonly credit: string;
  /** Fits the names of weights that only pre-training needs, without the prefix of a branch: they are not exported. */
  readonly heads: RegExp;
}

/** The light half of a downstream task. */
export interface DownstreamDescriptor extends TaskDescriptor {
  /** The values of `task.output` that it serves. */
  readonly outputs: readonly TaskOutput[];
  /** Label maps belong to its images, one value a voxel. */
  readonly labelMaps: boolean;
  /** What a model card calls the network: "A segmentation network". */
  readonly networkTitle: string;
  /** What a model card says of weights that it adds to the network's own encoder. */
  readonly besideEncoder?: string;
}

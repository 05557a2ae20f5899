import type { Vec3 } from '../geometry';
import type { TaskOutput } from '../labels/tasks';
import type { Problem, SchemaNode, ConfigPath } from '../schema';

/**
 * The light half of a task: what the editor and the config need to know of it. It loads neither a tensor library nor anything that
 * reads volumes.
 */
export interface TaskDescriptor {
  readonly name: string;
  /** In a list: "VoCo: volume contrast". */
  readonly title: string;
  /** Related metrics that share a chart, in the order of the panel. What is in none counts as a part of the loss. */
  readonly charts: readonly MetricChart[];
  /** The held-out score by which the best checkpoint is kept. */
  readonly best: BestScore;
  /** Titles of its metrics where they are not their names: { dice: "Dice" }. */
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
  /** Names in metrics.jsonl; one that ends with "/" stands for all that begin with it, such as one a class. */
  readonly metrics: readonly string[];
  /** Only what is measured on held-out cases belongs here. */
  readonly heldOutOnly?: boolean;
  /** Range that the axis shows at least. */
  readonly atLeast?: readonly [number, number];
}

/** The parts of a pre-training config that a pretext task's rules look at. */
export interface PretrainSections<Method> {
  readonly method: Method;
  readonly data: { readonly preprocess: { readonly resize: Vec3 | null } };
  readonly train: { readonly batch: number };
}

/** The light half of a pretext task. */
export interface PretextDescriptor<Method = never> extends TaskDescriptor {
  /** Its keys of the section `method`, `name` among them. */
  readonly schema: SchemaNode;
  /** What the schema cannot say. */
  rules(config: PretrainSections<Method>): Problem[];
  /** The size of what passes through the network, voxels, and where it stands in the config. */
  networkInput(method: Method): { readonly path: ConfigPath; readonly size: Vec3 };
  /** What a model card says of how the network was pre-trained. */
  describe(method: Method): string;
}

/** The light half of a downstream task. */
export interface DownstreamDescriptor extends TaskDescriptor {
  /** The values of `task.output` that it serves. */
  readonly outputs: readonly TaskOutput[];
  /** Label maps belong to its images, one value a voxel. */
  readonly labelMaps: boolean;
  /** What a model card calls the network: "a segmentation network". */
  readonly networkTitle: string;
}

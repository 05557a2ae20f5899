import type { Config } from '../config';
import type { Case } from '../data/datalist';
import type { LabelDemands, Places } from '../data/judge';
import type { Network, ParameterSet } from '../nets';
import type { LoadOptions, LoadReport, StateEntry } from '../nets/state';
import type * as tf from '../tensor/tf';
import type { Vec3 } from '../geometry';
import type { Watched } from '../rpc/breath';
import type { ConfigPath } from '../schema';
import type { AnswerPart } from './answer';
import type { BestScore } from './descriptor';
import type { Loss } from './loss';
import type { TaskPreview } from './preview';
import type { Batch, Sampler } from './sampler';

/** Scalars by the names they have in metrics.jsonl. */
export type Scalars = Record<string, number>;

/** The cases of a run. */
export interface Cases<Item extends Case = Case> {
  readonly train: readonly Item[];
  readonly validation: readonly Item[];
}

/** Checks of the files of all cases before a run, besides those that every run needs. */
export interface CaseChecks {
  /** Label maps belong to the images, and hold this. */
  readonly labels?: LabelDemands;
  /** Every case is read before the first step: labelled sets are small, and what is wrong with one shows at once. */
  readonly early?: boolean;
  /** Least size of a preprocessed volume, voxels. */
  readonly gridSize?: Vec3;
  /** Places in millimetres: a preprocessed volume must reach over more than one of them. */
  readonly places?: Places;
  /** Why it must be so large ("4×4×1 crops of 96×96×96"), and the key that says so. */
  readonly gridReason?: { readonly text: string; readonly path: ConfigPath };
}

/** What a step costs, from the config alone. */
export interface TaskCost {
  /** Trainable numbers. */
  readonly parameters: number;
  /** Rows (crops, views, volumes) a step. */
  readonly rowsPerStep: number;
  /** Bytes that a row keeps for the backward pass. */
  readonly rowBytes: number;
  /** Bytes that a row needs beside while its loss and gradients are computed; default 0. */
  readonly workBytes?: number;
  /** Bytes of a row as the sampler gives it: input, target, mask, labels; default 0. */
  readonly inputBytes?: number;
  /** Arithmetic of one row forward through the network. */
  readonly rowFlops: number;
  /** The encoder's part of it, where a run may keep the encoder as it is; default 0. */
  readonly encoderFlops?: number;
  /** Networks that are followed, not trained, and see every row once. */
  readonly followers: number;
  /** Numbers of all that is followed, in memory and in checkpoints; default 0. */
  readonly followedParameters?: number;
  /** The loss ties rows together, so a step in pieces needs one more forward pass. */
  readonly tied: boolean;
}

/** Parameters that share a learning rate. */
export interface ParameterGroup {
  /** Stands before the names of the optimizer's tensors in a checkpoint; empty for a single group. */
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly variable: tf.Variable }[];
  /** Learning rate as a multiple of the schedule's. */
  readonly rate: number;
}

/** What has weights under torch's names. */
export interface Weights {
  stateDict(): Promise<StateEntry[]>;
  loadStateDict(entries: Iterable<StateEntry>, options?: LoadOptions): LoadReport;
}

/** A network with the names of its state dict. An encoder returns features at several scales, other networks logits. */
export interface ExportedNetwork extends Network {
  forward(x: tf.Tensor5D): tf.Tensor | tf.Tensor[];
}

/** A network that another one's weights can be carried over to. */
export interface Transferable {
  readonly parameters: ParameterSet;
  /** Whether pre-training learns a parameter. */
  isEncoderParameter(name: string): boolean;
}

/** The modules of a task, its loss, and what is measured. */
export interface TrainedModel<B extends Batch> {
  /** Everything that a checkpoint holds besides the optimizer. */
  readonly weights: Weights;
  /** The trained parameters. Groups at the end may stay fixed for some steps. */
  readonly groups: readonly ParameterGroup[];
  /** How many of the groups a step trains, from the front. @param step optimizer steps done before; default: all. */
  groupsAt?(step: number): number;
  /** What a step keeps as it is of a network that is trained at other steps, or in other runs; default: nothing. */
  keptAt?(step: number): readonly tf.Variable[];
  readonly loss: Loss<B>;
  /** Receives weights of another network, such as pre-trained ones. */
  readonly transfer?: Transferable;
  /** Called once in a new run, after its weights are initialised. */
  begin?(watched: Watched): Promise<void>;
  /** Scores on held-out cases. Without this method, the loss is measured on batches of held-out cases. */
  validate?(watched: Watched): Promise<Scalars>;
  /**
   * What the network gives for the first crop of a batch, for people to look at: the outputs that the loss is made of, and its parts.
   *
   * @param vectors of all rows, for a {@link VectorLoss}
   */
  answer?(batch: B, vectors?: tf.Tensor2D): Promise<readonly AnswerPart[]>;
  dispose(): void;
}

export interface BuildParts<C extends Config, Item extends Case> {
  readonly config: C;
  readonly cases: Cases<Item>;
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  /** Names of the weights that the network has from the checkpoint of its start, as they are there; undefined: none. */
  readonly carried?: ReadonlySet<string> | undefined;
  readonly onWarning: (message: string) => void;
}

/**
 * What can be trained: a pretext task or a downstream task. One program (`src/train`) plans, builds, trains, resumes and estimates
 * all of them; a task differs from another in its sampler, its modules, and its loss.
 */
export interface TrainingTask<C extends Config = Config, Item extends Case = Case, B extends Batch = Batch> {
  /** The cases of a config. @throws UserError naming the list or folder at fault */
  findCases(config: C): Promise<Cases<Item>>;
  checks(config: C): CaseChecks;
  cost(config: C): TaskCost;
  /** Settings of the sampler: plain data. */
  samplerSettings(config: C): unknown;
  /**
   * The network alone, for transfer of weights from another checkpoint and for export.
   *
   * @param describeOnly names and shapes without values
   */
  network(config: C, describeOnly?: boolean): ExportedNetwork;
  /** A batch of about so many rows of noise, for timing a step. */
  trialBatch(config: C, rows: number): B;
  /** @throws UserError for a network that cannot be built */
  build(parts: BuildParts<C, Item>): TrainedModel<B>;
  readonly best: BestScore;
  /** A checkpoint is written at every validation, so that the best is never lost. */
  readonly checkpointAtValidation: boolean;
  /** What is recorded of a batch whose loss was not finite, besides its cases. */
  describeBatch(batch: B): Record<string, unknown>;
  /** One line on a step, for the progress bar and the log. */
  summary(scalars: Scalars, validation: Scalars | undefined): string;
}

/**
 * The heavy half of a task as the registries hold it. A loader thread asks for the sampler alone, so each part is brought in when it
 * is needed.
 */
export interface TaskModules {
  sampler(): Promise<Sampler>;
  task(): Promise<TrainingTask>;
  /** For pretext tasks: what the panel beside a config shows. */
  preview?(): Promise<TaskPreview>;
}

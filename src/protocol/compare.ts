import type { NamedText } from './checkpoint';

/** What `voco compare --json` prints and the comparison shows. Checkpoints are named by their position; the first is the reference. */

export interface ComparedCheckpoint {
  readonly file: string;
  /** The run directory that it lies in. */
  readonly run?: string;
  readonly kind?: string;
  readonly step?: number;
  /** What it is and where it came from. */
  readonly facts: readonly NamedText[];
  /** Scores stored in the checkpoint itself. */
  readonly scores: Readonly<Record<string, number>>;
}

/** A key that the configs do not agree on. */
export interface ConfigDifference {
  /** Dotted path in the resolved config. */
  readonly path: string;
  /** One a checkpoint, as JSON; null where the key, or the whole config, is not there. */
  readonly values: readonly (string | null)[];
}

/** Weights of a part of the network against those of the reference, over the tensors that both have in one shape. */
export interface ModuleDifference {
  /** Start of the tensors' names. */
  readonly module: string;
  readonly tensors: number;
  readonly parameters: number;
  /** Euclidean norm of the reference's and of the other's weights. */
  readonly referenceNorm: number;
  readonly norm: number;
  /** Norm of the difference over the norm of the reference; null for a reference of zeros. */
  readonly relativeChange: number | null;
  /** Cosine of the angle between the two; null where one is zero. */
  readonly cosine: number | null;
}

export interface WeightComparison {
  /** Position of the checkpoint that is held against the first. */
  readonly checkpoint: number;
  readonly modules: readonly ModuleDifference[];
  readonly total: ModuleDifference;
  readonly onlyInReference: readonly string[];
  readonly onlyInOther: readonly string[];
  readonly otherShape: readonly {
    readonly name: string;
    readonly reference: readonly number[];
    readonly other: readonly number[];
  }[];
}

/** A score of the cases that two checkpoints were both evaluated on. */
export interface PairedScore {
  /** A class, or `mean`: each case's mean over its classes. */
  readonly name: string;
  readonly metric: string;
  readonly reference: number;
  readonly other: number;
  /** Mean of other − reference over the cases, with its 95 % paired bootstrap interval; null ends for fewer than two cases. */
  readonly difference: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly cases: number;
  /** Two-sided Wilcoxon signed-rank test of the differences. */
  readonly p: number;
  readonly test: 'exact' | 'normal';
}

export interface ScoreComparison {
  readonly checkpoint: number;
  readonly scores: readonly PairedScore[];
  readonly commonCases: readonly string[];
  /** Cases that only one of the two was evaluated on. */
  readonly otherCases: readonly string[];
  /** Why there are no scores. */
  readonly missing?: string;
}

export interface Comparison {
  readonly format: 1;
  readonly checkpoints: readonly ComparedCheckpoint[];
  readonly config: readonly ConfigDifference[];
  /** One for each checkpoint after the first. */
  readonly weights: readonly WeightComparison[];
  readonly scores: readonly ScoreComparison[];
}

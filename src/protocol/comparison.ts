import type { Vec3 } from '../geometry';
import type { NamedText } from './checkpoint';
import type { LocateReport } from './locate';
import type { ClassScores, ResultClass } from './scores';

/**
 * What `voco compare --json` prints, and what `voco compare --serve` answers. Checkpoints are named by their position among the
 * files asked about; the first is the reference. Lists "one a checkpoint" have that order.
 */

/** What a network can be asked for. */
export type Ability = 'predict' | 'locate' | 'features';

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
  /** The run whose evaluation gave the scores by case, the newest of this checkpoint; absent when there is none. */
  readonly results?: string;
  /** Classes of its task, without background; absent where it has none. */
  readonly classes?: readonly ResultClass[];
  /** What its network cannot do, each with the reason in a sentence. */
  readonly cannot: Readonly<Partial<Record<Ability, string>>>;
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
  /** Two-sided Wilcoxon signed-rank test of the differences; 1 where nothing differs. */
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
  /** In what else than weights and cases the two evaluations differ: "inference.overlap: 0.5 → 0.25". */
  readonly settings?: readonly string[];
}

export interface Comparison {
  readonly format: 1;
  readonly checkpoints: readonly ComparedCheckpoint[];
  readonly config: readonly ConfigDifference[];
  /** One for each checkpoint after the first. */
  readonly weights: readonly WeightComparison[];
  readonly scores: readonly ScoreComparison[];
  /** Only with `--features`. */
  readonly features?: FeatureComparison;
}

/** The relation of a checkpoint to a case. */
export interface CaseOfCheckpoint {
  /** Where its config has the case; absent: in neither, so that it is new to the network. */
  readonly split?: 'train' | 'validation';
  /** A segmentation that is there already: an evaluation's own, or one that was computed for a comparison. */
  readonly prediction?: Prediction;
  /** Scores of its newest evaluation, by class; absent without one. */
  readonly scores?: readonly ClassScores[];
  /** Mean Dice over the classes that have one. */
  readonly dice?: number;
}

/** An image that checkpoints can be looked at on. */
export interface ComparedCase {
  /** Unique in the list. */
  readonly id: string;
  /** Its files, absolute: one, or one a channel. */
  readonly image: readonly string[];
  readonly label?: string;
  /** The label map was taken on the image's grid, whatever its affine says. */
  readonly labelOnImageGrid?: boolean;
  /** Why it is in the list: the first of these that holds for any of the checkpoints. */
  readonly origin: 'evaluated' | 'validation' | 'train';
  /** One a checkpoint. */
  readonly checkpoints: readonly CaseOfCheckpoint[];
}

export interface ComparedCases {
  /** Evaluated ones first, then held-out ones, then those of training. */
  readonly cases: readonly ComparedCase[];
  /** Further cases that the list leaves out for its length. */
  readonly omitted: number;
  /** Why cases of a checkpoint's config are not here, such as a datalist that is gone; a sentence each. */
  readonly problems: readonly string[];
}

/** A segmentation on the voxel grid of its image. */
export interface Prediction {
  /** NIfTI, absolute; its values are those of the checkpoint's classes. */
  readonly file: string;
  /** Written by an evaluation of this very checkpoint; or computed for a comparison, before or now. */
  readonly from: 'evaluation' | 'cache' | 'computed';
}

/** What the networks of pre-training checkpoints answer at the same positions of the same volume. */
export interface ComparedLocations {
  /** The checkpoint whose preprocessing, grid and crop size count for all. */
  readonly settingsOf: number;
  /** One a checkpoint. */
  readonly answers: readonly LocatedCheckpoint[];
}

export interface LocatedCheckpoint {
  /** Absent where the checkpoint cannot be asked. */
  readonly report?: LocateReport;
  /** The map of the error as NIfTI in millimetres, which lies on the image; absent when the network answered nowhere. */
  readonly map?: string;
  /** Why there is no report. */
  readonly missing?: string;
  /** Settings (paths in the config) in which it was trained otherwise than it was asked here. */
  readonly trainedOtherwise: readonly string[];
}

/** Likeness of the features of networks on the same crops. */
export interface FeatureComparison {
  readonly image: readonly string[];
  /** Random crops, their size in voxels of the preprocessed volume, and as the networks see them. */
  readonly crops: number;
  readonly crop: Vec3;
  readonly input: Vec3;
  readonly seed: number;
  /** The checkpoint whose preprocessing and crop size count for all. */
  readonly settingsOf: number;
  /** How likeness is measured, in a sentence with its source. */
  readonly estimator: string;
  /** From fine to coarse. */
  readonly stages: readonly FeatureStage[];
  /** One a checkpoint: why it is not compared, null where it is. */
  readonly missing: readonly (string | null)[];
}

/** Linear CKA between the features of an encoder stage. */
export interface FeatureStage {
  /** Input voxels per feature position along an axis. */
  readonly stride: number;
  /** Positions over all crops. Where they are not far more than the channels, `cka` comes out too large. */
  readonly samples: number;
  /** One a checkpoint; null: its network has no such stage, or it is not compared. */
  readonly channels: readonly (number | null)[];
  /** Symmetric, checkpoint × checkpoint, 0 to 1; null where one of the two has no such stage, or features that do not vary. */
  readonly cka: readonly (readonly (number | null)[])[];
  /** The same debiased: about 0 for unrelated features of however few samples, and possibly a little below. */
  readonly debiased: readonly (readonly (number | null)[])[];
}

/** Which network of a pre-training checkpoint; the student where it is left out. */
export type ComparedBranch = 'student' | 'teacher' | 'ema';

/**
 * The calls of `voco compare --serve`, by lines of JSON (`src/rpc`).
 * `predict`, `locate` and `features` compute one after the other, tell progress and can be cancelled.
 */
export interface CompareCalls {
  readonly compare: {
    readonly params: { readonly files: readonly string[]; readonly branch?: ComparedBranch };
    readonly result: Comparison;
  };
  readonly cases: { readonly params: { readonly files: readonly string[] }; readonly result: ComparedCases };
  /** The segmentation of an image by a fine-tuned checkpoint: the one that is there, else computed and kept. */
  readonly predict: {
    readonly params: { readonly file: string; readonly image: readonly string[] };
    readonly result: Prediction;
  };
  readonly locate: {
    readonly params: {
      readonly files: readonly string[];
      readonly image: readonly string[];
      /** Random crops asked about; default 96. */
      readonly positions?: number;
      readonly seed?: number;
    };
    readonly result: ComparedLocations;
  };
  readonly features: {
    readonly params: {
      readonly files: readonly string[];
      /** By default the first case of the list. */
      readonly image?: readonly string[];
      readonly branch?: ComparedBranch;
      /** Default 16. */
      readonly crops?: number;
      readonly seed?: number;
    };
    readonly result: FeatureComparison;
  };
}

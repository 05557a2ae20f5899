import type { Vec3 } from '../geometry';

/** Scores of an evaluation, as results.json holds them and the results panel shows them. */

/** Scores of one class in one case; null where a score is undefined (a class that is absent, as MONAI has it). */
export interface ClassScores {
  readonly class: number;
  readonly name: string;
  readonly scores: Readonly<Record<string, number | null>>;
  /** False for a class that the case's label map does not tell of: it is not scored. */
  readonly labelled?: boolean;
  /** Millilitres in the ground truth and in the prediction: tells an absent class from a missed one. */
  readonly volume?: { readonly truth: number; readonly predicted: number };
  /** Where to look: the middle of the wrong voxels in the axial slice that has most of them; absent without an error. */
  readonly worst?: WorstSlice;
}

export interface WorstSlice {
  /** Millimetres, RAS+. */
  readonly position: Vec3;
  /** Wrong voxels of the class in that slice. */
  readonly voxels: number;
}

/** A class as tables and charts show it. */
export interface ResultClass {
  readonly name: string;
  /** Values of the label map that belong to it. */
  readonly values: readonly number[];
  readonly colour: string;
}

/** The classification of one volume. */
export interface ClassifiedResult {
  readonly case: string;
  readonly image: string;
  /** Position among the classes. */
  readonly truth: number;
  /** Of each class, adding up to 1. */
  readonly probabilities: readonly number[];
}

export interface CaseResult {
  readonly case: string;
  readonly image: string;
  readonly label?: string;
  /** The label map was taken on the image's grid, whatever its affine says. */
  readonly labelOnImageGrid?: boolean;
  /** The segmentation written for it, relative to the run directory. */
  readonly prediction?: string;
  readonly classes: readonly ClassScores[];
}

/** A score over cases: its mean with a 95 % bootstrap interval, and how many cases it is defined in. */
export interface ScoreSummary {
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly count: number;
}

export interface ClassSummary {
  readonly class: number;
  readonly name: string;
  readonly scores: Readonly<Record<string, ScoreSummary>>;
}

export interface ResultsSummary {
  readonly classes: readonly ClassSummary[];
  /** Of each case's mean over its classes; of a classification over all volumes. */
  readonly overall: Readonly<Record<string, ScoreSummary>>;
}

/** results.json: scores by case and class of an evaluation. */
export interface Results {
  readonly format: 1;
  readonly task?: string;
  /** The voxel grid that was measured on: `image` is that of the input images. */
  readonly space?: 'image';
  /** Tolerance of the normalised surface distance, millimetres. */
  readonly surfaceTolerance?: number;
  readonly summary?: ResultsSummary;
  /** Figures of publications on this task, for comparison. */
  readonly published?: readonly { readonly metric: string; readonly value: number; readonly of: string }[];
  /** What the scores mean and their unit: `{ "dice": "", "hd95": "mm" }`. */
  readonly units: Readonly<Record<string, string>>;
  readonly checkpoint?: string;
  readonly step?: number;
  readonly classes?: readonly ResultClass[];
  /** Of a segmentation; empty for a classification. */
  readonly cases: readonly CaseResult[];
  readonly classification?: readonly ClassifiedResult[];
}

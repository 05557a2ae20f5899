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

/** How scores came about. Two evaluations with the same settings, device aside, have the same scores. */
export interface ResultsSettings {
  /** The weights, by their content. */
  readonly weights: { readonly sha256: string; readonly bytes: number };
  /** Voxels of a window, after preprocessing. */
  readonly window: Vec3;
  /** Share by which windows overlap, how they are blended, mirror images, and the tolerance: `inference` of the config. */
  readonly inference: Readonly<Record<string, unknown>>;
  /** Orientation, spacing, intensities and the rest: `data.preprocess` of the config. */
  readonly preprocess: Readonly<Record<string, unknown>>;
  readonly channel: unknown;
  readonly labelsOnImageGrid: boolean;
  /** Names of the held-out cases, also of those that could not be scored. */
  readonly heldOut: readonly string[];
  readonly device: string;
  readonly precision: string;
  /** Version of the program, and when it was done: ISO 8601 in UTC. */
  readonly version: string;
  readonly created: string;
}

/** A held-out case that could not be scored. */
export interface FailedCase {
  readonly case: string;
  readonly image: string;
  readonly reason: string;
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
  /** Absent in files of earlier versions. */
  readonly settings?: ResultsSettings;
  /** Absent when all cases were scored. */
  readonly failed?: readonly FailedCase[];
  readonly classes?: readonly ResultClass[];
  /** Of a segmentation; empty for a classification. */
  readonly cases: readonly CaseResult[];
  readonly classification?: readonly ClassifiedResult[];
}

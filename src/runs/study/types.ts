import type { RunPhase } from '../runDirectory';

/** The two sides of a comparison: weights of a checkpoint, or random ones. */
export const STUDY_ARMS = ['pretrained', 'scratch'] as const;
export type StudyArm = (typeof STUDY_ARMS)[number];

/** One fine-tuning of a study; a run directory of its own. */
export interface StudyRun {
  readonly arm: StudyArm;
  /** Number or share of training cases, as the study counts them (see {@link StudyPlan.by}). */
  readonly amount: number;
  /** Number of training cases. */
  readonly cases: number;
  readonly seed: number;
  /** Its run directory, relative to that of the study. */
  readonly run: string;
  readonly state: RunPhase;
  /** Score on the held-out cases after the last step, 0 to 1; null before that. */
  readonly score: number | null;
  /** The best score of all validations, which has seen the held-out cases; null before the first. */
  readonly best: number | null;
  /** After the last step, by class; classes that no held-out case has are left out. */
  readonly classes: Readonly<Record<string, number>>;
  /** Why it failed. */
  readonly reason?: string;
}

/** A score of one side over seeds. */
export interface StudyPoint {
  readonly arm: StudyArm;
  readonly amount: number;
  readonly mean: number;
  /** Sample standard deviation over seeds; null of a single one. */
  readonly deviation: number | null;
  /** Seeds that are done. */
  readonly count: number;
}

/** Score from the checkpoint minus score from scratch, of the same seed and thus of the same cases and crops. */
export interface StudyDifference {
  readonly amount: number;
  readonly mean: number;
  /** Sample standard deviation over seeds; null of a single one. */
  readonly deviation: number | null;
  /** Seeds of which both sides are done. */
  readonly count: number;
  /** Seeds in which the checkpoint is ahead. */
  readonly ahead: number;
}

/** What a study does, and how far it is. */
export interface StudyPlan {
  readonly format: 1;
  readonly name: string;
  readonly task: string;
  /** What is measured: mean Dice of segmentation, accuracy of classification. */
  readonly score: string;
  /** What {@link StudyRun.amount} is. */
  readonly by: 'cases' | 'fraction';
  /** Rising. */
  readonly amounts: readonly number[];
  readonly seeds: readonly number[];
  readonly checkpoint: string;
  /** Training cases there are, and cases that the score is measured on. */
  readonly available: number;
  readonly heldOut: number;
  /** In the order in which they are done. */
  readonly runs: readonly StudyRun[];
}

/** study.json: a comparison of fine-tuning from a checkpoint with fine-tuning from scratch. */
export interface Study extends StudyPlan {
  /** By side, then by amount; what has no finished run is left out. */
  readonly points: readonly StudyPoint[];
  readonly differences: readonly StudyDifference[];
}

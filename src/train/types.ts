import type { Scalars } from '../tasks';

/** Scalars of a step by the names they have in metrics.jsonl. */
export type StepScalars = Scalars;

export interface StepResult {
  readonly scalars: StepScalars;
  /** False when the loss or a gradient is not finite: the weights must not be used after it. */
  readonly finite: boolean;
}

/** A step whose work the device has been given. */
export interface StartedStep {
  readonly result: Promise<StepResult>;
}

/** Prints a line for people. */
export type Say = (text: string) => void;

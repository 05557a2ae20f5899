/** Scalars of a step by the names they have in metrics.jsonl. */
export type StepScalars = Record<string, number>;

export interface StepResult {
  readonly scalars: StepScalars;
  /** False when the loss or a gradient is not finite; the weights are then left as they were. */
  readonly finite: boolean;
}

/** Prints a line for people. */
export type Say = (text: string) => void;

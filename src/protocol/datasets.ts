/** What `voco check --json` prints. */
export type Severity = 'error' | 'warning' | 'info';

/** One thing that is wrong or odd about a data set. */
export interface Finding {
  /** error: the run would fail or be wrong; warning: probably not meant; info: good to know. */
  readonly severity: Severity;
  /** The image, label or datalist it is about. */
  readonly file: string;
  readonly message: string;
  readonly advice: string;
}

export interface CheckReport {
  /** How many volumes were looked at, held-out ones included. */
  readonly volumes: number;
  readonly findings: readonly Finding[];
}

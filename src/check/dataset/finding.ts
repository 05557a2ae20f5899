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

const ORDER: Record<Severity, number> = { error: 0, warning: 1, info: 2 };

/** Errors first; otherwise in the order found. */
export function bySeverity(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

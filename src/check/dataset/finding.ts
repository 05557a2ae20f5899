import type { Finding, Severity } from '../../protocol/datasets';

export type { Finding, Severity };

const ORDER: Record<Severity, number> = { error: 0, warning: 1, info: 2 };

/** Errors first; otherwise in the order found. */
export function bySeverity(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

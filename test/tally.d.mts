/** Types of tally.mjs, for its tests. */
export interface Result {
  file: string;
  test: string;
  state: 'passed' | 'failed' | 'skipped';
  reason?: string;
  ms?: number;
}
export interface Counts {
  passed: number;
  failed: number;
  skipped: Map<string, number>;
  quarantined: string[];
  problems: string[];
}
export interface Quarantined {
  file: string;
  test: string;
  reason: string;
}
export function tally(results: Result[], quarantine: Quarantined[], options?: { whole?: boolean }): Counts;
export function closingLines(counts: Counts): string[];
export function slowest(results: Result[], count: number): string[];

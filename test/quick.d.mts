/** Types of quick.mjs, for its tests. */
export function keepTimes(results: { file: string; ms?: number }[]): void;
export function fitting(
  files: Iterable<string>,
  times: Record<string, number>,
  budget?: number,
): { run: string[]; left: string[] };
export function changedTests(): { run: string[]; left: string[] };

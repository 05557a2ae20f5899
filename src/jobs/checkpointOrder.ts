import { basename, sep } from 'node:path';

/**
 * Checkpoints by age: the earlier run first, and of a run the earlier step; files outside of runs after them, as they come.
 *
 * @param runs newest first
 */
export function byAge(runs: readonly { readonly dir: string }[], files: readonly string[]): string[] {
  const placeOf = (file: string): number => {
    const at = runs.findIndex(({ dir }) => file.startsWith(dir + sep));
    return at < 0 ? Infinity : runs.length - at;
  };
  const places = new Map(files.map((file) => [file, placeOf(file)]));
  return [...files].sort((a, b) => {
    const [first, second] = [places.get(a)!, places.get(b)!];
    if (first !== second) return first - second;
    return first === Infinity ? 0 : basename(a).localeCompare(basename(b));
  });
}

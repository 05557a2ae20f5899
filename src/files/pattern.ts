/** A path as a pattern of files that matches it alone: what patterns give a meaning to stands in brackets. */
export function literalPattern(path: string): string {
  return path.replace(/[*?[{(]/g, '[$&]');
}

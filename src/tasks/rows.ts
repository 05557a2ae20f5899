/** A run of rows of a batch that goes through the networks at a time. A row is a crop, a view or a whole volume. */
export interface Rows {
  readonly first: number;
  readonly count: number;
}

/** Cuts `total` rows into runs of at most `size`, as even as they can be (a last run of one row wastes a pass). */
export function planRows(total: number, size: number): Rows[] {
  const parts = Math.max(1, Math.ceil(total / Math.max(1, size)));
  return Array.from({ length: parts }, (_, part) => {
    const first = Math.floor((part * total) / parts);
    return { first, count: Math.floor(((part + 1) * total) / parts) - first };
  });
}

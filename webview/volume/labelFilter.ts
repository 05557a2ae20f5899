/** Which labels are to be seen. */
export interface LabelFilter {
  /** Changes with the answer. */
  readonly key: string;
  readonly visible: (label: number) => boolean;
}

/** All labels but the hidden ones, or a single one. */
export function labelFilter(hidden: readonly number[], only: number | undefined): LabelFilter {
  if (only !== undefined) return { key: `only ${only}`, visible: (label) => label === only };
  const without = new Set(hidden);
  return { key: hidden.join(), visible: (label) => !without.has(label) };
}

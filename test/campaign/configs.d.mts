export function run(options: {
  /** Lines of the long ones. */
  size?: number;
  /** Milliseconds a command. */
  limit?: number;
}): Promise<{
  readonly planned: number;
  readonly done: number;
  readonly faults: readonly { readonly fault: string }[];
}>;

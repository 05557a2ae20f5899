export interface HostileResult {
  readonly count: number;
  readonly read: number;
  readonly refused: number;
  readonly slowest: { readonly name: string; readonly ms: number };
  readonly largest: { readonly name: string; readonly bytes: number };
  readonly faults: readonly { readonly name: string; readonly index: number; readonly fault: string }[];
  /** Where the files with a fault are kept. */
  readonly kept?: string;
}

export function run(options: {
  count: number;
  seed?: number;
  /** Milliseconds a file. */
  limit?: number;
  onFile?: (done: number) => void;
}): Promise<HostileResult>;

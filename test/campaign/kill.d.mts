import type { Stand } from './stand.mjs';

export interface Result {
  readonly planned: number;
  readonly done: number;
  readonly faults: readonly { readonly fault: string }[];
}

export function run(options: {
  /** Where it works; without it one is made, and removed at the end. */
  stand?: Stand;
  count?: number;
  seed?: number;
  /** Names of what is done; all without it. */
  only?: readonly string[];
}): Promise<Result>;

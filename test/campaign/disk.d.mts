import type { Stand } from './stand.mjs';

export function run(options: {
  /** Where it works; without it one is made, and removed at the end. */
  stand?: Stand;
  /** Sizes of the disk for each command. */
  count?: number;
  /** Names of what is done; all without it. */
  only?: readonly string[];
  /** False: never mounts a disk. */
  mount?: boolean;
}): Promise<{
  readonly planned: number;
  readonly done: number;
  /** Commands that met the full disk. */
  readonly failed: number;
  readonly faults: readonly { readonly fault: string }[];
}>;

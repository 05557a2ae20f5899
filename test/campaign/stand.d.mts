export interface Stand {
  /** Where commands run. */
  readonly folder: string;
  readonly device: string;
  renew(): void;
  remove(): void;
}

export function makeStand(): Promise<Stand>;

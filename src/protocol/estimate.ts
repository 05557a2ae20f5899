/** What a run will take, told before it starts: `voco pretrain CONFIG --dry-run --json`. Sizes in bytes, times in seconds. */
export interface RunEstimate {
  readonly kind: string;
  readonly name: string;
  readonly device: { readonly name: string; readonly description: string };
  readonly volumes: { readonly train: number; readonly heldOut: number };
  readonly network: {
    readonly name: string;
    /** Trainable numbers. */
    readonly parameters: number;
    readonly cropsPerStep: number;
    /** Crops in memory at a time. */
    readonly microBatch: number;
  };
  readonly memory: {
    /** Weights, gradients, optimizer state, and the teacher where there is one. */
    readonly stateBytes: number;
    /** What one micro-batch keeps for the backward pass. */
    readonly activationBytes: number;
    /** What can be had without swapping. */
    readonly freeBytes: number;
  };
  /** The cache of preprocessed volumes when every volume has been seen once; absent where it is off. */
  readonly cache?: DiskUse;
  /** All checkpoints that are kept at a time. */
  readonly checkpoints: DiskUse;
  readonly time: {
    /** Optimizer steps to do. */
    readonly steps: number;
    readonly secondsPerStep: number;
    /** Whether steps of this network were timed; else the time is worked out from the speed of a lone convolution. */
    readonly measured: boolean;
  };
  /** What the config and the data give cause for, one line each. */
  readonly warnings: readonly string[];
}

export interface DiskUse {
  readonly folder: string;
  /** At most. */
  readonly bytes: number;
  /** Left on that disk; absent where it cannot be known. */
  readonly freeBytes?: number;
}

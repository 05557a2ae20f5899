/** What a run will need, estimated before it starts: `voco pretrain CONFIG --dry-run --json`. Sizes in bytes, times in seconds. */
export interface RunEstimate {
  readonly kind: string;
  readonly name: string;
  readonly device: {
    readonly name: string;
    readonly description: string;
    /** Why no GPU computes; absent where one does. */
    readonly noGpu?: string;
  };
  readonly volumes: {
    readonly train: number;
    readonly heldOut: number;
    /** Left out because they are bad; absent: none. */
    readonly skipped?: number;
  };
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
    /** What one micro-batch keeps for the backward pass, and its gradients. */
    readonly activationBytes: number;
    /** The program itself, its loader threads with their volumes and batches, and the copy of a checkpoint that is written. */
    readonly processBytes: number;
    /** Available without swapping. */
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

/** All that a run takes of memory at once, bytes. */
export const memoryNeeded = ({ memory: { stateBytes, activationBytes, processBytes } }: RunEstimate): number =>
  stateBytes + activationBytes + processBytes;

const DAY = 86_400;
/** A run that takes longer is not one that a person waits for, days. */
const LONG_DAYS = 14;

/** What a very long run means for a person and what to do about it; undefined where it is not so long. */
export function longRunAdvice({ time, device, kind, network }: RunEstimate): string | undefined {
  const days = (time.steps * time.secondsPerStep) / DAY;
  if (!(days > LONG_DAYS)) return undefined;
  const span = days >= 365 ? `${(days / 365).toFixed(1)} years` : `${Math.round(days / 7)} weeks`;
  const faster = device.noGpu === undefined ? 'a faster GPU' : 'a machine with a GPU';
  const size =
    kind === 'pretrain' ? 'or begin with a "small" or "demo" preset (voco init --preset)' : 'or a smaller network';
  return (
    `this is ${span} without a break: not practical on ${device.name}. Use ${faster}, fewer steps than ${time.steps}, ` +
    `fewer or smaller crops than ${network.cropsPerStep} a step, ${size}`
  );
}

/** One figure of the estimate as the panel shows it: texts for people, made by the host. */
export interface EstimateCard {
  readonly title: string;
  /** The figure itself: `24m 10s`, `3.1 GB`. */
  readonly value: string;
  readonly details: readonly string[];
  /** How much of what is there is needed; above 1 it does not fit. */
  readonly share?: number;
  /** What to do when it does not fit. */
  readonly problem?: string;
}

export interface EstimateSheet {
  readonly title: string;
  readonly subtitle: string;
  readonly cards: readonly EstimateCard[];
  readonly warnings: readonly string[];
  /** Label of the button that starts the run. */
  readonly start: string;
}

/** The estimate panel. The webview keeps the sheet, so a reloaded window shows it without computing anything. */
export interface EstimateContract {
  readonly calls: {
    /** Estimates again: checks the data and times some steps, which may take a minute. */
    readonly estimate: {
      readonly params: null;
      readonly result: EstimateSheet | { readonly problem: string } | { readonly cancelled: true };
    };
    readonly cancel: { readonly params: null; readonly result: null };
    readonly start: { readonly params: null; readonly result: null };
  };
  readonly events: {
    /** What the estimate under way is doing. */
    readonly progress: string;
    /** The config was saved with changes, or somebody asked for the estimate again. */
    readonly changed: { readonly again: boolean };
  };
}

export interface EstimateState {
  readonly file: string;
  readonly sheet?: EstimateSheet;
  /** When the sheet was made, as text. */
  readonly made?: string;
}

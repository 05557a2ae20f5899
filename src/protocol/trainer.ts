/**
 * What goes through a run's control socket: one JSON object a line, each request answered by one reply with its id. Steps
 * are optimizer steps, times seconds.
 */
export const TRAINER_COMMANDS = ['pause', 'resume', 'checkpoint', 'stop', 'status'] as const;

/** What a trainer is at besides whole steps: validation, loading, a step that takes long. */
export interface Activity {
  /** "validating case 3 of 12" */
  readonly what: string;
  /** How much of it is done, 0 to 1. */
  readonly share?: number;
}

/**
 * `pause` writes a checkpoint and waits; `resume` goes on; `checkpoint` writes one after the current step; `stop` writes a
 * checkpoint and ends the run; `status` only asks. A pause and a stop do not wait for the end of a step or a validation.
 */
export type TrainerCommand = (typeof TRAINER_COMMANDS)[number];

export interface TrainerRequest {
  readonly id: number;
  readonly command: TrainerCommand;
}

export interface TrainerStatus {
  readonly state: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly loss?: number;
  readonly secondsPerStep?: number;
  readonly secondsLeft?: number;
  /** The last checkpoint written. */
  readonly checkpoint?: string;
  readonly activity?: Activity;
}

export type TrainerReply =
  | { readonly id: number; readonly ok: true; readonly status: TrainerStatus }
  | { readonly id: number; readonly ok: false; readonly error: string };

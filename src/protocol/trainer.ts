/**
 * What goes through a run's control socket: one JSON object a line, each request answered by one reply with its id. Steps
 * are optimizer steps, times seconds.
 */
export const TRAINER_COMMANDS = ['pause', 'resume', 'checkpoint', 'stop', 'status'] as const;

/**
 * `pause` waits after the current step; `resume` goes on; `checkpoint` writes one after the current step; `stop` writes a
 * checkpoint and ends the run; `status` only asks.
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
}

export type TrainerReply =
  | { readonly id: number; readonly ok: true; readonly status: TrainerStatus }
  | { readonly id: number; readonly ok: false; readonly error: string };

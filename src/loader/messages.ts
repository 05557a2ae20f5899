import { UserError } from '../errors/userError';
import type { Batch, Draw } from '../tasks';
import type { TaskName } from '../catalog';

/** What a loader thread is started with. */
export interface WorkerStart {
  readonly task: TaskName;
  /** Settings of the task's sampler. */
  readonly settings: unknown;
}

/** What the loader asks of a worker. */
export interface BatchRequest {
  readonly id: number;
  readonly draws: readonly Draw<unknown>[];
  readonly reuse?: readonly ArrayBuffer[];
}

/** What a worker answers; a warning belongs to no request. */
export type WorkerReply =
  | { readonly kind: 'batch'; readonly id: number; readonly batch: Batch }
  | { readonly kind: 'error'; readonly id: number; readonly error: SentError }
  | { readonly kind: 'warning'; readonly message: string };

/** An error as it crosses between threads, where classes are lost. */
export interface SentError {
  readonly message: string;
  readonly stack?: string;
  /** Set for a UserError. */
  readonly exitCode?: number;
}

export function sendError(error: unknown): SentError {
  if (error instanceof UserError) return { message: error.message, exitCode: error.exitCode };
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { message, stack };
}

export function receiveError(sent: SentError): Error {
  if (sent.exitCode !== undefined) return new UserError(sent.message, sent.exitCode);
  const error = new Error(sent.message);
  if (sent.stack !== undefined) error.stack = sent.stack;
  return error;
}

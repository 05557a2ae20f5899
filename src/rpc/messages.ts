/** What goes over a transport, whatever that is: plain values that can be cloned or written as JSON. */
export interface CallMessage {
  /** Unique within the life of a client. */
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

/** Asks to drop the call with this id; it is then answered with an error, which nobody waits for. */
export interface CancelMessage {
  readonly cancel: number;
}

/** How far a call is. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

export interface ProgressMessage {
  readonly id: number;
  readonly progress: Progress;
}

/** An error as it is sent: classes are lost on the way. */
export interface SentError {
  readonly message: string;
  /** Something the user can put right, not a defect. */
  readonly user: boolean;
  /** Of a case that cannot be used: its first image file. */
  readonly image?: string;
  /** Of a user's error, where it is not the usual one. */
  readonly exitCode?: number;
  /** Of a defect. */
  readonly stack?: string;
}

/** Each call is answered once. The id is null where a message was no call that could be answered. */
export type AnswerMessage =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number | null; readonly ok: false; readonly error: SentError };

/** Told unasked by the side that serves. */
export interface EventMessage {
  readonly event: string;
  readonly value: unknown;
}

export type ToServer = CallMessage | CancelMessage;
export type ToClient = AnswerMessage | ProgressMessage | EventMessage;

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

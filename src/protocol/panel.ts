/**
 * Messages between a webview panel and the extension host. The webview asks first: it calls, the host answers each call
 * exactly once, and sends events only to a webview that has called. A panel's contract lists its calls and events.
 */
export interface PanelContract {
  /** Asked by the webview: parameters and what comes back. */
  readonly calls: Record<string, { readonly params: unknown; readonly result: unknown }>;
  /** Told by the host. */
  readonly events: Record<string, unknown>;
}

export type CallName<C extends PanelContract> = keyof C['calls'] & string;
export type EventName<C extends PanelContract> = keyof C['events'] & string;
export type Params<C extends PanelContract, N extends CallName<C>> = C['calls'][N]['params'];
export type Result<C extends PanelContract, N extends CallName<C>> = C['calls'][N]['result'];

/** Webview to host. `id` is unique within the life of the page. */
export interface CallMessage {
  readonly type: 'call';
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

/** Host to webview: the answer to the call with this id. */
export type AnswerMessage =
  | { readonly type: 'answer'; readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly ok: false; readonly error: PanelError };

/** Host to webview, unasked. */
export interface EventMessage {
  readonly type: 'event';
  readonly name: string;
  readonly value: unknown;
}

export type ToWebview = AnswerMessage | EventMessage;

/** What went wrong, in a sentence for people. */
export interface PanelError {
  readonly message: string;
  /** `user`: something to be put right outside; `defect`: an error of ours; `timeout`: no answer came. */
  readonly kind: 'user' | 'defect' | 'timeout';
}

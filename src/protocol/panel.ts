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

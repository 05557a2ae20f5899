import type { CallName, EventName, PanelContract, Params, Result } from '../../src/protocol/panel';
import { connect, RemoteError, TimeoutError } from '../../src/rpc';
import { pageTransport } from '../../src/rpc/page';

interface EditorApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): EditorApi;

const CALL_TIMEOUT_MS = 30_000;

/** What went wrong: something to be put right outside, an error of ours, or no answer came. */
export type ErrorKind = 'user' | 'defect' | 'timeout';

/** A call that did not succeed; `message` is a sentence for people. */
export class HostError extends Error {
  constructor(
    readonly kind: ErrorKind,
    message: string,
  ) {
    super(message);
    this.name = 'HostError';
  }
}

function hostError(error: unknown): HostError {
  if (error instanceof TimeoutError) {
    const seconds = error.timeoutMs / 1000;
    return new HostError(
      'timeout',
      `VoCo did not answer within ${seconds} seconds. Reload the window if this goes on.`,
    );
  }
  const { message } = error as Error;
  if (error instanceof RemoteError) return new HostError('defect', `Internal error: ${message}`);
  return new HostError('user', message);
}

/** An error as the page tells it: the host's own words, or that it is a fault of ours. */
export const errorText = (error: unknown): string =>
  error instanceof HostError ? error.message : `Internal error: ${String(error)}`;

/** The extension host as the webview sees it. */
export interface Host<C extends PanelContract, S> {
  /** Asks the host; rejects with {@link HostError} when it fails or does not answer within `timeoutMs`. */
  call<N extends CallName<C>>(name: N, params: Params<C, N>, timeoutMs?: number): Promise<Result<C, N>>;
  on<N extends EventName<C>>(name: N, listener: (value: C['events'][N]) => void): void;
  /** What was last saved, also by an earlier life of this page. */
  readonly savedState: S | undefined;
  saveState(state: S): void;
}

/** Connects this page with the host. To be called once. */
export function connectHost<C extends PanelContract, S>(): Host<C, S> {
  const api = acquireVsCodeApi();
  const client = connect<C['calls'], C['events']>(pageTransport(api, window));
  return {
    call: (method, params, timeoutMs = CALL_TIMEOUT_MS) =>
      client.call(method, params, { timeoutMs }).catch((error: unknown) => Promise.reject(hostError(error))),
    on: (name, listener) => client.on(name, listener),
    savedState: api.getState() as S | undefined,
    saveState: (state) => api.setState(state),
  };
}

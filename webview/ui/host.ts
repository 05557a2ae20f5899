import type {
  CallMessage,
  CallName,
  EventName,
  PanelContract,
  PanelError,
  Params,
  Result,
  ToWebview,
} from '../../src/protocol/panel';

interface EditorApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): EditorApi;

const CALL_TIMEOUT_MS = 30_000;

/** A call that did not succeed; `message` is a sentence for people. */
export class HostError extends Error {
  constructor(readonly reason: PanelError) {
    super(reason.message);
    this.name = 'HostError';
  }
}

/** An error as the page tells it: the host's own words, or that it is a fault of ours. */
export const errorText = (error: unknown): string =>
  error instanceof HostError ? error.message : `Internal error: ${String(error)}`;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: HostError): void;
  timer: ReturnType<typeof setTimeout>;
}

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
  const waiting = new Map<number, Waiting>();
  const listeners = new Map<string, ((value: unknown) => void)[]>();
  let lastId = 0;

  function settle(message: Extract<ToWebview, { type: 'answer' }>): void {
    const call = waiting.get(message.id);
    if (!call) return;
    waiting.delete(message.id);
    clearTimeout(call.timer);
    if (message.ok) call.resolve(message.value);
    else call.reject(new HostError(message.error));
  }

  window.addEventListener('message', ({ data }: MessageEvent<ToWebview>) => {
    if (data?.type === 'answer') settle(data);
    else if (data?.type === 'event') for (const listener of listeners.get(data.name) ?? []) listener(data.value);
  });

  return {
    call: (method, params, timeoutMs = CALL_TIMEOUT_MS) =>
      new Promise((resolve, reject) => {
        const id = (lastId += 1);
        const timer = setTimeout(() => {
          waiting.delete(id);
          const message = `VoCo did not answer within ${timeoutMs / 1000} seconds. Reload the window if this goes on.`;
          reject(new HostError({ kind: 'timeout', message }));
        }, timeoutMs);
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
        api.postMessage({ type: 'call', id, method, params } satisfies CallMessage);
      }),
    on(name, listener) {
      listeners.set(name, [...(listeners.get(name) ?? []), listener as (value: unknown) => void]);
    },
    savedState: api.getState() as S | undefined,
    saveState: (state) => api.setState(state),
  };
}

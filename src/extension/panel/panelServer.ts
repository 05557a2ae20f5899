import type {
  CallMessage,
  CallName,
  EventName,
  PanelContract,
  PanelError,
  Params,
  Result,
  ToWebview,
} from '../../protocol/panel';
import { UserError } from '../../errors/userError';

/** The part of `vscode.Webview` that messages need. */
export interface MessagePort {
  postMessage(message: unknown): Thenable<boolean>;
  onDidReceiveMessage(listener: (message: unknown) => void): { dispose(): void };
}

/** Answers the calls of a contract; a handler may throw, and the webview gets the error. */
export type Handlers<C extends PanelContract> = {
  [N in CallName<C>]: (params: Params<C, N>) => Promise<Result<C, N>> | Result<C, N>;
};

export interface PanelServer<C extends PanelContract> {
  /** Tells the webview; dropped before its first call, since it asks for everything then. */
  send<N extends EventName<C>>(name: N, value: C['events'][N]): void;
  dispose(): void;
}

function isCall(message: unknown): message is CallMessage {
  const call = message as Partial<CallMessage> | undefined;
  return call?.type === 'call' && typeof call.id === 'number' && typeof call.method === 'string';
}

function describe(error: unknown): PanelError {
  if (error instanceof UserError) return { kind: 'user', message: error.message };
  return { kind: 'defect', message: `Internal error: ${error instanceof Error ? error.message : String(error)}` };
}

/**
 * Serves one webview: every call is answered once, with a result or an error, an unknown method included.
 *
 * @param onDefect receives errors that are no UserError, for the log.
 */
export function servePanel<C extends PanelContract>(
  port: MessagePort,
  handlers: Handlers<C>,
  onDefect: (error: unknown) => void,
): PanelServer<C> {
  let ready = false;
  const post = (message: ToWebview): void => void port.postMessage(message);

  async function answer(call: CallMessage): Promise<void> {
    const { id } = call;
    const handler = Object.hasOwn(handlers, call.method) ? handlers[call.method as CallName<C>] : undefined;
    try {
      if (!handler) throw new Error(`the panel asked for "${call.method}", which is unknown`);
      post({ type: 'answer', id, ok: true, value: await handler(call.params as Params<C, CallName<C>>) });
    } catch (error) {
      if (!(error instanceof UserError)) onDefect(error);
      post({ type: 'answer', id, ok: false, error: describe(error) });
    }
  }

  const subscription = port.onDidReceiveMessage((message) => {
    if (!isCall(message)) return;
    ready = true;
    void answer(message);
  });
  return {
    send(name, value) {
      if (ready) post({ type: 'event', name, value });
    },
    dispose: () => subscription.dispose(),
  };
}

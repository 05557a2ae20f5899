import type { PanelContract } from '../../protocol/panel';
import { serve, type Methods, type Server } from '../../rpc';
import { webviewTransport, type MessagePort } from '../../rpc/page';

/** Answers the calls of a contract; a handler may throw, and the webview gets the error. */
export type Handlers<C extends PanelContract> = Methods<C['calls']>;

/** Sends events to the webview. Events before its first call are dropped, since it asks for everything then. */
export interface PanelServer<C extends PanelContract> extends Pick<Server<C['events']>, 'send'> {
  dispose(): void;
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
  const transport = webviewTransport(port);
  const { send } = serve<C['calls'], C['events']>(handlers, transport, { onDefect });
  return { send, dispose: () => void transport.close() };
}
